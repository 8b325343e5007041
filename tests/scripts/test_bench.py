"""The benchmark of speed: how it counts, and that it runs on a few images."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

import bench
from imbclf.data.image_cache import cache_key
from imbclf.data.reading.options import ReadingOptions
from imbclf.data.reading.read import list_labelled
from imbclf.samplers import ShuffleSampler
from imbclf.training.batch_sampler import IndexBatches
from speed.bare import Bare, Setting, cuts
from speed.growth import make_folder, stages_of
from speed.pictures import link_pictures
from speed.prediction import beyond
from speed.processes import run
from speed.table import Table, compare, compared, ratios, spread
from speed.training import durations
from speed.typical import PictureDataset

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench.py"


@pytest.fixture
def album(make_folder: Callable[..., Path]) -> Path:
    """Return a folder of labeled JPEG files, which the benchmark is about."""
    folder = make_folder(images=60, minority=20)
    for path in sorted((folder / "train_img").iterdir()):
        with Image.open(path) as image:
            image.save(path.with_suffix(".jpg"))
        path.unlink()
    return folder


def test_the_spread_is_that_of_numpy_and_ratios_pair_what_belongs_together() -> None:
    values = np.random.default_rng(0).uniform(1, 9, 6).tolist()
    found = spread(values)
    assert found.median == pytest.approx(np.median(values))
    assert (found.least, found.most) == (np.min(values), np.max(values))
    assert str(spread([2.0, 1.0, 4.0])) == "2.000 (1.000 to 4.000)"
    assert str(spread([1234.5])) == "1,234.5"
    # A machine that is twice as slow in one repetition changes no ratio.
    assert ratios([3.0, 6.0], [2.0, 4.0]) == [1.5, 1.5]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_a_table_says_rates_against_the_others() -> None:
    table = Table("Speed", compared(("bare",)), notes=["said below"])
    compare(table, {"bare": [1.0, 2.0], "imbclf": [2.0, 4.0]}, images=100, against=("bare",))
    assert table.markdown().splitlines() == [
        "## Speed",
        "",
        "|  | seconds | images/s | rate / bare |",
        "|---|---|---|---|",
        "| bare | 1.500 (1.000 to 2.000) | 75 | 1.000 |",
        "| imbclf | 3.000 (2.000 to 4.000) | 38 | 0.500 |",
        "",
        "said below",
    ]


@pytest.mark.parametrize(("images", "batch"), [(100, 32), (96, 32), (7, 32), (8400, 256)])
def test_bare_steps_have_the_sizes_of_the_batches_that_imbclf_trains_on(
    images: int, batch: int
) -> None:
    labels = np.arange(images) % 2
    trained = [len(part) for part in IndexBatches(ShuffleSampler(labels, 0), batch)]
    assert cuts(images, batch, even=True) == trained
    scored: DataLoader[tuple[torch.Tensor, ...]]
    scored = DataLoader(TensorDataset(torch.zeros(images)), batch_size=batch)
    assert cuts(images, batch, even=False) == [len(part) for (part,) in scored]


def test_start_up_is_taken_off_a_prediction_where_it_can_be_told_from_the_rest() -> None:
    # 84 images took 1 second, of which 100 take a share more.
    assert beyond(start=4.0, whole=5.0, images=100) == pytest.approx(100 / 84)
    assert np.isnan([beyond(4.0, 3.9, 100), beyond(4.0, 5.0, 10)]).all()
    assert str(spread([1.0, beyond(4.0, 3.9, 100), 3.0])) == "nan"


def test_an_epoch_lasts_from_one_record_to_the_next() -> None:
    assert durations([5.0, 7.0, 10.0]) == [2.0, 3.0]
    assert durations([5.0]) == []


@pytest.mark.parametrize("channels_last", [None, True, False])
def test_bare_learns_on_what_the_network_of_imbclf_is_given(channels_last: bool | None) -> None:
    setting = Setting("shufflenet_v2_x0_5", 8, "32-true", torch.device("cpu"))
    bare = Bare(setting, (32, 32), channels_last)
    assert bare.images.shape == (16, 3, 32, 32)
    form = torch.contiguous_format if channels_last is False else torch.channels_last
    assert bare.images.is_contiguous(memory_format=form)
    before = [parameter.detach().clone() for parameter in bare.backbone.parameters()]
    assert bare.train(20) > 0
    after = bare.backbone.parameters()
    assert all(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert bare.score(20, 16) > 0


def test_the_first_images_are_linked_and_the_users_cache_stays_theirs(
    album: Path, tmp_path: Path
) -> None:
    key = cache_key(list_labelled(album, ReadingOptions()), None)
    pictures = link_pictures(album, 40, tmp_path / "linked", tmp_path / "cache")
    assert cache_key(list_labelled(album, ReadingOptions()), None) == key
    labels = [int(line) for line in (album / "label_train.txt").read_text().split()[:40]]
    assert pictures.labels.tolist() == labels
    assert list_labelled(pictures.root, ReadingOptions()).labels.tolist() == labels  # type: ignore[union-attr]
    assert pictures.shape == (32, 32)
    resized = link_pictures(album, 40, tmp_path / "again", tmp_path / "cache", size=48)
    assert resized.shape == (48, 48)
    assert (resized.is_resized, pictures.is_resized) == (True, False)
    originals = sorted((album / "train_img").iterdir())[:40]
    assert [Path(file).read_bytes() for file in pictures.files] == [
        path.read_bytes() for path in originals
    ]


def test_the_typical_loop_gets_normalized_pixels(album: Path) -> None:
    (file, *_) = sorted(str(path) for path in (album / "train_img").iterdir())
    pixels, label = PictureDataset([file], np.array([1]), training=False)[0]
    with Image.open(file) as image:
        red = np.asarray(image)[..., 0]
    assert label == 1.0
    np.testing.assert_allclose(pixels[0], (red / 255 - 0.485) / 0.229, rtol=1e-5, atol=1e-6)
    assert PictureDataset([file], np.array([1]), False, (48, 40))[0][0].shape == (3, 48, 40)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_process_is_measured_and_not_the_one_that_launched_it(tmp_path: Path) -> None:
    held = np.ones(300_000_000, dtype=np.uint8)  # of which a child must know nothing
    code = "import time; kept = bytearray(b'1') * 100_000_000; time.sleep(1)"
    finished = run([sys.executable, "-c", code], tmp_path)
    assert len(held)
    assert 1 <= finished.wall < 60
    assert 0 < finished.cpu < finished.wall
    assert 100e6 < finished.own <= finished.resident < 200e6
    assert abs(time.time() - finished.wall - finished.started) < 30
    with pytest.raises(RuntimeError, match="exit 3\nwhy"):
        run([sys.executable, "-c", "print('why'); raise SystemExit(3)"], tmp_path)
    assert run([sys.executable, "-c", "raise SystemExit(3)"], tmp_path, code=3).output == ""


def test_growth_takes_the_synthetic_cache_for_one(tmp_path: Path) -> None:
    make_folder(tmp_path / "many", 250)
    seconds = stages_of(tmp_path / "many")
    assert set(seconds) >= {"listing", "splits", "cache", "first batch"}
    caches = [path for path in (tmp_path / "many" / "cache").iterdir() if path.is_dir()]
    assert len(caches) == 1
    pixels = caches[0] / "pixels.bin"
    assert pixels.stat().st_size == 250 * 64 * 64 * 3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of MLflow's own code
@pytest.mark.parametrize("what", [[], ["--predict"], ["--folds"], ["--forms"]])
def test_it_runs_from_a_folder_to_a_table(
    album: Path,
    tmp_path: Path,
    what: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "speed.md"
    options = ["--model", "shufflenet_v2_x1_0", "--batch", "16", "--images", "50"]
    options += ["--repeats", "1", "--epochs", "2", "--work", str(tmp_path), "--out", str(out)]
    options += ["--size", "24"] if "--predict" in what else []
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(album), *options, *what])
    bench.main()
    text = out.read_text()
    assert text.strip() == capfd.readouterr().out.strip()
    assert f"torch {torch.__version__.partition('+')[0]}" in text
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    numbers = [float(row.split("|")[2].split()[0].replace(",", "")) for row in rows]
    assert len(rows) == {"": 3, "--predict": 6, "--folds": 2, "--forms": 4}["".join(what)]
    # So few images are predicted within the noise of start-up, which is told as nan.
    assert not any(number <= 0 for number in numbers)
    assert not list(tmp_path.glob("tmp*"))  # nothing is left behind


@pytest.mark.slow
def test_the_start_is_measured_up_to_a_step_that_was_taken(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--start", "200", "--model", "shufflenet_v2_x1_0"]
    command += ["--batch", "16", "--repeats", "1", "--work", str(tmp_path)]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith("| 200 ")]
    imports, step, held = (float(cell) for cell in row.strip("| ").split("|")[1:])
    assert step > 0
    assert 0 < imports < time.perf_counter() - began
    assert 200 < held < 3000
