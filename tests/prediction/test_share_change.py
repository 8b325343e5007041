"""Another share of labels is told as that, and what it does not explain as drift."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import precision_score, recall_score

from imbclf.data.listing import Listing
from imbclf.errors import UserError
from imbclf.prediction.decision_rule import DecisionRule, decision_rule
from imbclf.prediction.distances import ks_distance
from imbclf.prediction.drift import Drift, measure_drift
from imbclf.prediction.share_change import ShareChange, find_share, mixture_distance
from imbclf.prediction.training_statistics import (
    STATISTICS,
    TrainingStatistics,
    measure_colors,
    read_training_statistics,
    write_training_statistics,
)

NAMES, WORDS = ["fold_0", "fold_1"], ("bad", "good")
Known = tuple[TrainingStatistics, list[DecisionRule]]


def scores(random: np.random.Generator, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Logits `[N, 2]` of two models, on scales of their own, that see the same images."""
    seen = random.normal(2.0 * labels - 1, 1.0)
    both = seen[:, None] + random.normal(0, 0.3, (len(labels), 2))
    return np.asarray(both * [1, 10] + [0, 50], np.float64)


def labels_of(random: np.random.Generator, count: int, share_of_bad: float) -> NDArray[np.int64]:
    return (random.random(count) >= share_of_bad).astype(np.int64)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    folder, random = tmp_path_factory.mktemp("known"), np.random.default_rng(0)
    pixels = random.integers(0, 256, (300, 4, 4, 3), dtype=np.uint8)
    Image.fromarray(pixels[0]).save(folder / "0.png")
    listing = Listing(folder, np.array(["0.png"] * len(pixels)))
    labels = [labels_of(random, 1500, 0.12) for _ in NAMES]
    logits = [scores(random, own)[:, place] for place, own in enumerate(labels)]
    write_training_statistics(
        folder,
        listing,
        pixels,
        dict(zip(NAMES, logits, strict=True)),
        dict(zip(NAMES, labels, strict=True)),
    )
    found = read_training_statistics(folder)
    assert found is not None
    return found, [decision_rule(*pair, "smoothed") for pair in zip(logits, labels, strict=True)]


def compared(known: Known, logits: NDArray[np.float64]) -> Drift:
    pixels = np.random.default_rng(1).integers(0, 256, (len(logits), 4, 4, 3), dtype=np.uint8)
    return measure_drift([], measure_colors(pixels), logits, NAMES, known[0], known[1], WORDS)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.8])
def test_a_changed_share_is_told_as_that(known: Known, share: float) -> None:
    random = np.random.default_rng(3)
    labels = labels_of(random, 1200, share)
    logits = scores(random, labels)
    drift = compared(known, logits)
    assert [*drift.warnings] == ["share"]
    found = drift.findings["share"]
    assert (found["label"], found["explains_scores"]) == ("bad", True)
    low, high = found["interval"]
    assert low - 0.02 < np.mean(labels == 0) < high + 0.02
    assert found["training"] == pytest.approx(0.12, abs=0.02)
    # What the decisions are worth, against labels that the estimate did not see.
    decided = (logits[:, 0] >= known[1][0]["threshold"]).astype(int)
    assert found["ppv"] == pytest.approx(precision_score(labels, decided, pos_label=0), abs=0.08)
    assert found["npv"] == pytest.approx(precision_score(labels, decided, pos_label=1), abs=0.08)
    said = drift.warnings["share"]
    assert f"look like {100 * found['share']:.0f} % of label bad" in said
    assert "instead of 12 %" in said
    assert f"prior={1 - found['share']:.3g}" in said


def test_scores_that_no_share_explains_are_drift(known: Known) -> None:
    random = np.random.default_rng(4)
    labels = labels_of(random, 1200, 0.12)
    for changed in (scores(random, labels) - [1, 10], 0.2 * scores(random, labels) + [0, 40]):
        drift = compared(known, changed)
        assert [*drift.warnings] == ["scores"], drift
        assert not drift.findings["share"]["explains_scores"]


def test_images_like_those_of_training_raise_few_alarms(known: Known) -> None:
    random = np.random.default_rng(5)
    for count in (5, 40, 400):
        alarms = [
            compared(known, scores(random, labels_of(random, count, 0.12))).warnings
            for _ in range(40)
        ]
        assert sum(map(bool, alarms)) <= 1


def test_few_images_have_a_wide_interval_and_no_warning(known: Known) -> None:
    random = np.random.default_rng(6)
    drift = compared(known, scores(random, labels_of(random, 8, 0.5)))
    assert not drift.warnings
    low, high = drift.findings["share"]["interval"]
    assert high - low > 0.4


def test_rates_are_those_of_the_out_of_fold_scores(known: Known) -> None:
    random = np.random.default_rng(7)
    labels = labels_of(random, 4000, 0.12)
    logits = scores(random, labels)
    share = find_share(logits, NAMES, known[1], known[0])
    assert share is not None
    decided = (logits[:, 0] >= known[1][0]["threshold"]).astype(int)
    assert share.sensitivity == pytest.approx(recall_score(labels, decided, pos_label=0), abs=0.05)
    assert share.specificity == pytest.approx(recall_score(labels, decided, pos_label=1), abs=0.05)
    assert share.p > 1e-3


def test_without_scores_by_label_or_rules_nothing_is_said_of_shares(known: Known) -> None:
    logits = scores(np.random.default_rng(8), np.zeros(200, np.int64))
    assert find_share(logits, NAMES, [], known[0]) is None
    assert find_share(logits, ["other", "names"], known[1], known[0]) is None
    flat = [DecisionRule(**{**rule, "slope": 0.0}) for rule in known[1]]
    assert find_share(logits, NAMES, flat, known[0]) is None


def test_the_distance_to_a_mixture_of_one_label_is_that_to_its_scores() -> None:
    random = np.random.default_rng(9)
    levels = np.linspace(0, 1, 201)
    zero, one = (np.quantile(random.normal(mean, 1, 500), levels) for mean in (0, 2))
    new = random.normal(1, 1, (300, 1))
    for share, quantiles in ((0.0, zero), (1.0, one)):
        found = mixture_distance(new, [np.stack([zero, one])], share)
        assert found == pytest.approx(ks_distance(new, quantiles[:, None]), abs=0.02)


def test_a_label_that_is_never_decided_has_no_predictive_value() -> None:
    change = ShareChange(1, 50, 0.0, 0.0, 0.1, 0.2, 0.0, 1.0, 0.5, True)
    ppv, npv = change.predictive_values(0.2)
    assert ppv is None
    assert npv == pytest.approx(0.8)
    assert "none of the images" in change.sentence(WORDS)


def test_damaged_scores_by_label_are_refused(tmp_path: Path) -> None:
    listing, pixels = Listing(tmp_path, np.array(["0.png"])), np.zeros((1, 4, 4, 3), np.uint8)
    numbers, labels = np.arange(10.0), np.arange(10) % 2
    write_training_statistics(tmp_path, listing, pixels, {"fold_0": numbers}, {"fold_0": labels})
    text = (tmp_path / STATISTICS).read_text()
    (tmp_path / STATISTICS).write_text(text.replace('{"images": [5, 5]', '{"images": [5, 0]'))
    with pytest.raises(UserError, match="expected some of each label"):
        read_training_statistics(tmp_path)
    # Folds that come later keep them.
    (tmp_path / STATISTICS).write_text(text)
    write_training_statistics(tmp_path, listing, pixels, {"fold_1": numbers})
    found = read_training_statistics(tmp_path)
    assert found is not None
    assert [*found.by_label] == ["fold_0"]
    assert found.by_label["fold_0"].quantiles[1, -1] == 9
