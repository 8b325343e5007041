"""How time and memory before the first batch grow with the number of images."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from imbclf.data.decode_worker import PIXELS
from imbclf.data.image_cache import cache_key, open_images
from imbclf.data.pixel_file import INDEX
from imbclf.data.reading.options import ReadingOptions
from imbclf.data.reading.read import list_labelled
from imbclf.data.splits import stratified_folds
from imbclf.samplers import BalancedSampler, ShuffleSampler
from imbclf.training.batch_sampler import IndexBatches
from imbclf.training.datamodule import Rows
from speed.processes import memory, run
from speed.table import Table

SIDE = 64
ORIGINALS = 100  # files: a file system allows some ten thousand links to each
MINORITY = 8  # every so many-th image is of label 0
BATCH = 256
DENSE = 200_000  # images at most whose cache lies on disk in full
STAGES = ("listing", "splits", "shuffled epoch", "cache", "first batch")
BESIDE = "balanced epoch"  # in the place of a shuffled one


def measure_growth(counts: list[int], cwd: Path) -> Table:
    """Measure every stage in a process of its own for each number of images."""
    table = Table(
        f"Growth: seconds before the first batch, images of {SIDE}x{SIDE}",
        ("images", *STAGES, "all of these", BESIDE, "MB in all", "MB of them imports"),
    )
    here = str(Path(__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {here!r}); from speed.growth import main; main()"
    for count in counts:
        folder = cwd / f"growth_{count}"
        make_folder(folder, count)
        output = run([sys.executable, "-c", code, str(folder)], cwd).output
        stages = json.loads(output.splitlines()[-1])
        before = [stages[stage] for stage in STAGES]
        seconds = [f"{value:.3f}" for value in (*before, sum(before), stages[BESIDE])]
        sizes = [f"{stages[name] / 1e6:.0f}" for name in ("most", "imports")]
        table.rows.append((f"{count:,}", *seconds, *sizes))
    table.notes.append(
        f"The files are hard links of {ORIGINALS} JPEG files; their cache has the true size and "
        f"is all zeros, so that nothing was decoded, and above {DENSE:,} images it is a sparse "
        "file, whose pages are made as they are read. Once each; file names are in the system's "
        "memory."
    )
    return table


def make_folder(folder: Path, count: int) -> None:
    """Write `count` labeled images that are links of a few, and a cache for them."""
    images, originals = folder / "train_img", folder / "originals"
    for one in (images, originals):
        one.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(min(count, ORIGINALS)):
        pixels = random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(originals / f"{number}.jpg")
    for number in range(count):
        os.link(originals / f"{number % ORIGINALS}.jpg", images / f"{number:07d}.jpg")
    labels = "".join(f"{int(number % MINORITY > 0)}\n" for number in range(count))
    (folder / "label_train.txt").write_text(labels)
    cache = folder / "cache" / cache_key(list_labelled(folder, ReadingOptions()), None)
    cache.mkdir(parents=True)
    with (cache / PIXELS).open("wb") as pixels_file:
        if count <= DENSE:
            pixels_file.writelines(bytes(SIDE * SIDE * 3) for _ in range(count))
        else:
            pixels_file.truncate(count * SIDE * SIDE * 3)
    index = {"shape": [count, SIDE, SIDE, 3], "unreadable": []}
    (cache / INDEX).write_text(json.dumps(index))


def stages_of(folder: Path) -> dict[str, float]:
    """Go through all that stands before the first batch; return the seconds of each stage.

    Raises:
        RuntimeError: the cache that `make_folder` wrote was not taken for one.
    """
    seconds: dict[str, float] = {}

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds[name] = time.perf_counter() - began

    with stage("listing"):
        listing = list_labelled(folder, ReadingOptions())
    assert listing.labels is not None
    with stage("splits"):
        fold = stratified_folds(listing.labels, 5, seed=0)[0]
    fit = listing.labels[fold.fit]
    with stage(BESIDE):
        batches = list(IndexBatches(BalancedSampler(fit, 0), BATCH))
    with stage("shuffled epoch"):
        batches = list(IndexBatches(ShuffleSampler(fit, 0), BATCH))
    with stage("cache"):
        pixels, _ = open_images(listing, None, folder / "cache")
    with stage("first batch"):
        images, _, _ = Rows(pixels, listing.labels, fold.fit).__getitems__(batches[0])
    if images.any():
        raise RuntimeError("imbclf keeps its cache in another form than scripts/speed/growth.py")
    return seconds


def main() -> None:
    """Print the stages of the folder that the command line names, and the memory held, as JSON."""
    imports = memory("self").get("VmHWM", float("nan"))
    seconds = stages_of(Path(sys.argv[1]))
    most = memory("self").get("VmHWM", float("nan"))
    print(json.dumps({**seconds, "imports": imports, "most": most}))
