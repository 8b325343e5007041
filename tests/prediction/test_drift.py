"""New images beside those of the training: what is told, what is not, and what is kept of them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import ks_2samp

from helpers.commands import call
from helpers.noise_images import draw
from helpers.written_runs import write_images, write_run
from imbclf.data.decoding import Header
from imbclf.data.listing import Listing, list_images
from imbclf.errors import UserError
from imbclf.prediction.distances import (
    is_significant_drift,
    is_significant_excess,
    ks_distance,
)
from imbclf.prediction.drift import Drift, check_drift, measure_drift
from imbclf.prediction.outliers import is_outside_range, outlier_reasons, unfamiliarity
from imbclf.prediction.training_statistics import (
    STATISTICS,
    TrainingStatistics,
    measure_colors,
    read_training_statistics,
    write_training_statistics,
)

NAMES = ["fold_0", "fold_1"]


def written(folder: Path, images: int = 3000, seed: int = 0) -> TrainingStatistics:
    """A reference of drawn images, whose two models have logits on scales of their own."""
    random = np.random.default_rng(seed)
    pixels = pictures(random, images)
    (folder / "photos").mkdir()
    for number in range(40):
        Image.fromarray(pixels[number]).save(folder / "photos" / f"{number}.png")
    files = np.array([f"{number % 40}.png" for number in range(images)])
    listing = Listing(folder / "photos", files)
    logits = {"fold_0": random.normal(0, 1, 1500), "fold_1": random.normal(50, 10, 1500)}
    write_training_statistics(folder, listing, pixels, logits)
    found = read_training_statistics(folder)
    assert found is not None
    return found


def pictures(random: np.random.Generator, count: int) -> NDArray[np.uint8]:
    level, spread = (
        random.uniform(60, 180, (count, 1, 1, 3)),
        random.uniform(5, 40, (count, 1, 1, 1)),
    )
    return (level + spread * random.normal(size=(count, 8, 8, 3))).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> TrainingStatistics:
    return written(tmp_path_factory.mktemp("reference"))


def compared(
    known: TrainingStatistics,
    pixels: NDArray[np.uint8],
    headers: list[Header],
    shift: float = 0.0,
    seed: int = 9,
) -> Drift:
    random = np.random.default_rng(seed)
    logits = random.normal([shift, 50 + 10 * shift], [1, 10], (len(pixels), 2))
    return measure_drift(headers, measure_colors(pixels), logits, NAMES, known)


def test_the_distance_is_that_of_kolmogorov_and_smirnov() -> None:
    random = np.random.default_rng(3)
    for shift in (0.0, 0.5, 3.0):
        values, others = random.normal(shift, 1, 300), np.sort(random.normal(size=201))
        expected = ks_2samp(values, others).statistic
        assert ks_distance(values[:, None], others[:, None]) == pytest.approx(expected, abs=0.011)
    ties = np.zeros((50, 1))
    assert ks_distance(ties, np.zeros((201, 1))) == 0
    both = np.stack([random.normal(-3, 1, 400), random.normal(3, 1, 400)], axis=1)
    levels = np.quantile(random.normal(size=5000), np.linspace(0, 1, 201))
    # Two models that move in opposite directions do not cancel out unless they do at each level.
    assert ks_distance(both, np.stack([levels, levels], axis=1)) > 0.4


def test_images_like_those_of_the_training_are_passed_over(known: TrainingStatistics) -> None:
    told = 0
    for seed in range(40):
        random = np.random.default_rng(100 + seed)
        count = int(random.choice([1, 5, 40, 300]))
        headers = [Header("PNG", "RGB", 8, 8)] * count
        told += bool(compared(known, pictures(random, count), headers, seed=seed).warnings)
    assert told <= 1


def test_what_is_unlike_is_told_and_nothing_else(known: TrainingStatistics) -> None:
    random = np.random.default_rng(5)
    pixels, same = pictures(random, 200), [Header("PNG", "RGB", 8, 8)] * 200
    assert set(compared(known, pixels, same).warnings) == set()
    assert set(compared(known, pixels, same, shift=0.7).warnings) == {"scores"}
    larger = [Header("PNG", "RGB", 16, 8)] * 200
    assert set(compared(known, pixels, larger).warnings) == {"size"}
    gray = [Header("PNG", "L", 8, 8)] * 100 + same[:100]
    assert set(compared(known, pixels, gray).warnings) == {"PNG L"}
    dark = (pixels * 0.7).astype(np.uint8)
    assert "colors" in compared(known, dark, same).warnings
    black = np.zeros_like(pixels)
    assert set(compared(known, black, same).warnings) == {"colors", "range"}
    only = compared(known, pixels[:1], [Header("GIF", "P", 99, 99)])
    assert set(only.warnings) == {"size", "GIF P"}
    assert "99x99" in only.warnings["size"]
    assert json.loads(json.dumps(only.findings))["other_sizes"] == 1


def test_few_findings_among_many_images_are_no_matter() -> None:
    assert not is_significant_excess(3, 1000, 1 / 2000)
    assert is_significant_excess(200, 1000, 1 / 2000)
    assert not is_significant_excess(60, 100, 0.55)
    assert not is_significant_drift(0.09, 100_000, 100_000)
    assert not is_significant_drift(0.5, 10, 100_000)
    assert not is_significant_drift(0.3, 1000, 10)


def test_one_image_is_told_what_sets_it_apart(known: TrainingStatistics) -> None:
    ordinary = measure_colors(pictures(np.random.default_rng(1), 1))[0]
    assert outlier_reasons(Header("PNG", "RGB", 8, 8), ordinary, known) == []
    odd = outlier_reasons(
        Header("JPEG", "CMYK", 8, 20), np.array([0.999, 0.4, 0.4, 0.05, 0.05, 0.05]), known
    )
    assert odd[0] == "size 8x20, in training 8x8"
    assert odd[1] == "JPEG CMYK, in training PNG RGB"
    assert odd[2].startswith("mean of red 0.999, in training ")
    assert len(odd) == 3
    assert is_outside_range(np.stack([known.colors[0], known.colors[-1]]), known).sum() == 0


def test_an_image_is_not_held_against_headers_of_which_none_was_read(
    known: TrainingStatistics,
) -> None:
    blind = replace(known, headers=0, height=(0, 0), width=(0, 0), kinds={})
    ordinary = known.colors[len(known.colors) // 2]
    assert outlier_reasons(Header("PNG", "RGB", 64, 64), ordinary, blind) == []
    assert len(outlier_reasons(Header("PNG", "RGB", 64, 64), ordinary + 2, blind)) == len(ordinary)


def test_colors_are_those_of_each_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (600, 5, 7, 3), dtype=np.uint8)
    found = measure_colors(pixels)
    for row in (0, 511, 512, 599):
        image = pixels[row].reshape(-1, 3) / 255
        expected = [*image.mean(axis=0), *image.std(axis=0)]
        np.testing.assert_allclose(found[row], expected, atol=1e-6)


def test_folds_that_come_one_by_one_are_kept_together(tmp_path: Path) -> None:
    written(tmp_path, images=100)
    listing = list_images(tmp_path / "photos")
    pixels = pictures(np.random.default_rng(1), len(listing))
    scores = np.random.default_rng(2).normal(size=500)
    write_training_statistics(tmp_path, listing, pixels, {"fold_2": scores, "fold_0": scores})
    found = read_training_statistics(tmp_path)
    assert found is not None
    assert dict(found.scored) == {"fold_0": 500, "fold_1": 1500, "fold_2": 500}
    np.testing.assert_array_equal(found.logits["fold_0"], found.logits["fold_2"])
    assert found.logits["fold_2"][[0, 100, 200]].tolist() == [
        scores.min(),
        np.median(scores),
        scores.max(),
    ]
    assert (found.height, found.width, dict(found.kinds)) == ((8, 8), (8, 8), {"PNG RGB": 40})


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"headers": -1},
        {"headers": True},
        {"height": [1, 2, 3]},
        {"kinds": {"PNG RGB": "many"}},
        {"colors": [[0.0] * 6] * 3},
        {"colors": [[float("nan")] * 6] * 201},
        {"scores": {"fold_0": {"images": 5, "quantiles": [1.0, 0.0] + [2.0] * 199}}},
        {"scores": {"fold_0": {"images": 5, "quantiles": ["x"] * 201}}},
        {"scores": [1]},
    ],
)
def test_a_damaged_reference_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    written(tmp_path, images=50)
    stored = json.loads((tmp_path / STATISTICS).read_text())
    (tmp_path / STATISTICS).write_text(json.dumps({**stored, **change}))
    with pytest.raises(UserError, match=r"reference\.json: expected the training statistics"):
        read_training_statistics(tmp_path)


def test_predictions_have_a_companion_that_says_whether_images_are_like_the_trainings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = write_images(tmp_path / "photos")
    write_run(tmp_path / "run", tmp_path / "photos")
    listing = list_images(tmp_path / "photos" / "train_img")
    monkeypatch.chdir(tmp_path)
    arguments = ["ckpt=run", "data.dir=photos/train_img", "overwrite=true", "out=out"]
    assert call("predict", *arguments) == 0
    companion = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert companion["like_training"] is None
    assert companion["images"] == sum(companion["labels"].values()) == len(pixels)

    random = np.random.default_rng(0)
    logits = {f"fold_{fold}": random.normal(size=50) for fold in range(3)}
    write_training_statistics(tmp_path / "run" / "predictor", listing, pixels, logits)
    capsys.readouterr()
    assert call("predict", *arguments) == 0
    companion = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert companion["like_training"] is False  # the drawn scores are not those of the networks
    (warning,) = companion["warnings"]
    assert warning.startswith("the score distribution differs from the out-of-fold scores")
    assert warning in capsys.readouterr().out
    assert companion["compared"]["other_sizes"] == 0
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert table["unfamiliarity"].max() == 1  # that of the training images themselves
    assert (table["unfamiliarity"] >= 0).all()


def test_a_listing_is_looked_at_through_its_files(
    known: TrainingStatistics, tmp_path: Path
) -> None:
    for number, image in enumerate(draw(np.ones(60, dtype=np.int64), 20, 0)):
        Image.fromarray(image).convert("L").save(tmp_path / f"{number}.jpg")
    listing = list_images(tmp_path)
    pixels = pictures(np.random.default_rng(2), 60)
    logits = np.random.default_rng(4).normal([0, 50], [1, 10], (60, 2))
    look = check_drift(listing, pixels, logits, NAMES, known)
    assert set(look.warnings) == {"size", "JPEG L"}
    assert look.images == 60


def test_the_farthest_color_makes_an_image_unfamiliar(known: TrainingStatistics) -> None:
    quantiles = known.colors
    middle = quantiles[100]
    assert unfamiliarity(middle[None], known) == pytest.approx([0], abs=0.02)
    for level in (0, 10, 50, 150, 200):
        colors = middle.copy()
        colors[4] = quantiles[level, 4]
        assert unfamiliarity(colors[None], known) == pytest.approx(
            [abs(level - 100) / 100], abs=0.02
        )
    beyond = middle.copy()
    beyond[2] = quantiles[-1, 2] + 0.5 * np.ptp(quantiles[:, 2])
    assert unfamiliarity(beyond[None], known) == pytest.approx([1.5])
    drawn = unfamiliarity(measure_colors(pictures(np.random.default_rng(5), 500)), known)
    outside = is_outside_range(measure_colors(pictures(np.random.default_rng(5), 500)), known)
    assert ((drawn > 1) == outside.any(axis=1)).all()


def test_of_images_of_one_color_none_is_farther_than_another(known: TrainingStatistics) -> None:
    gray = replace(known, colors=np.full_like(known.colors, 0.5))
    assert unfamiliarity(np.full((3, 6), 0.5), gray).tolist() == [0, 0, 0]
    assert unfamiliarity(np.full((1, 6), 0.6), gray)[0] > 1
