"""Prediction over a folder: bare inference, `imbclf-predict`, and the loop that people write."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from imbclf.data.image_cache import open_images
from imbclf.data.listing import list_images
from speed.bare import Bare, Setting
from speed.pictures import Pictures
from speed.processes import Finished, imbclf, in_own_process, run
from speed.table import Table, compare, compared, cores, ratios, spread
from speed.training import train
from speed.typical import typical_scoring

FEW = 16  # images of a prediction whose time is all start-up
WARM, COLD = "imbclf, warm cache", "imbclf, from files"
BARE, TYPICAL, PILLOW = "bare", "typical", "decoding, Pillow"


def measure_prediction(setting: Setting, pictures: Pictures, repeats: int, cwd: Path) -> Table:
    """Measure them one after the other, `repeats` times.

    Of `imbclf-predict` the time of a prediction of a few images is taken off: start-up, which is
    told apart.
    """
    run_folder = cwd / f"{setting.model}_predictor"
    if not run_folder.exists():
        train(setting, pictures, 1, run_folder, cwd, ["cv.fold=0"])
    few = cwd / "few"
    few.mkdir(exist_ok=True)
    for file in pictures.files[:FEW]:
        link = few / Path(file).name
        link.unlink(missing_ok=True)
        link.symlink_to(Path(file).resolve())
    every = pictures.root / "images"
    seconds: dict[str, list[float]] = {name: [] for name in (BARE, WARM, COLD, TYPICAL)}
    decoding: dict[str, list[float]] = {"decoding, imbclf": [], PILLOW: []}
    starts, wholes = [], []
    for _ in range(repeats):
        seconds[BARE].append(Bare(setting, pictures.shape).score(len(pictures), setting.batch))
        for name, warm in ((WARM, True), (COLD, False)):
            start, whole = (
                predict(setting, run_folder, folder, pictures.shape, cwd, warm)
                for folder in (few, every)
            )
            starts.append(start.wall)
            wholes.append(whole)
            seconds[name].append(beyond(start.wall, whole.wall, len(pictures)))
        seconds[TYPICAL].append(in_own_process(typical_scoring, setting, pictures))
        decoding["decoding, imbclf"].append(decode_to_cache(every, pictures, cwd))
        decoding[PILLOW].append(decode_alone(every, pictures.shape))
    table = Table(
        f"Prediction {setting.model}, batch {setting.batch}, {setting.precision}",
        compared((BARE, TYPICAL)),
    )
    compare(table, seconds, len(pictures), (BARE, TYPICAL))
    for name, own in decoding.items():
        rate = spread([len(pictures) / value for value in own]).median
        table.rows.append((name, str(spread(own)), f"{rate:,.0f}", "", ""))
    slower = [max(one, other) for one, other in zip(seconds[BARE], decoding[PILLOW], strict=True)]
    by_pillow = spread(ratios(decoding[PILLOW], decoding["decoding, imbclf"]))
    table.notes += [
        f"{repeats} repetitions in turn; median (least to most); {len(pictures):,} images. "
        f"imbclf's start-up, {spread(starts)} s with a folder of {FEW} images, is taken off; nan: "
        "too few images to tell the rest from it.",
        "imbclf from files / the slower of Pillow's decoding and bare inference: "
        f"{spread(ratios(slower, seconds[COLD]))}; decoding, imbclf / Pillow: {by_pillow}",
        f"whole processes: {spread([one.wall for one in wholes[::2]])} s with a warm cache, "
        f"{spread([one.wall for one in wholes[1::2]])} s from files; peak memory "
        f"{spread([one.own / 1e6 for one in wholes])} MB without mapped files",
    ]
    return table


def beyond(start: float, whole: float, images: int) -> float:
    """Return the seconds that all images would take without start-up.

    NaN where there are so few that a prediction lasts no longer than its start-up.

    >>> beyond(start=4.0, whole=10.0, images=FEW + 300) * 300 / (FEW + 300)
    6.0
    """
    took = whole - start
    return took * images / (images - FEW) if took > 0 and images > FEW else float("nan")


def predict(
    setting: Setting, model: Path, images: Path, shape: tuple[int, int], cwd: Path, warm: bool
) -> Finished:
    """Run `imbclf-predict` over a folder, with its images in the cache or without."""
    cache = cwd / ("warm" if warm else "cold")
    options = [
        f"run={model}",
        f"data.dir={images}",
        f"data.batch_size={setting.batch}",
        f"data.cache_dir={cache}",
        f"out={cwd / 'predictions'}",
        "overwrite=true",
        f"precision={setting.precision}",
        f"accelerator={'gpu' if setting.device.type == 'cuda' else 'cpu'}",
    ]
    if warm:
        open_images(list_images(images), shape, cache)
    else:
        shutil.rmtree(cache, ignore_errors=True)
    return run([imbclf("predict"), *options], cwd)


def decode_to_cache(images: Path, pictures: Pictures, cwd: Path) -> float:
    """Decode a folder into an empty cache as imbclf does; return the seconds."""
    shutil.rmtree(cwd / "decoded", ignore_errors=True)
    listing = list_images(images)
    began = time.perf_counter()
    open_images(listing, pictures.shape if pictures.is_resized else None, cwd / "decoded")
    return time.perf_counter() - began


def decode_alone(images: Path, shape: tuple[int, int]) -> float:
    """Decode a folder with Pillow to a shape, in a process a core, and throw the pixels away.

    The seconds are those of the slowest process, its imports left out.
    """
    here = str(Path(__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {here!r}); from speed.pillow import main; main()"
    parts = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(images), str(part), str(cores()), *map(str, shape)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for part in range(cores())
    ]
    return float(np.max([float(part.communicate()[0]) for part in parts]))
