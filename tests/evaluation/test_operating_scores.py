import json
from pathlib import Path

import numpy as np
import pytest

from helpers.written_runs import write_images, write_run
from imbclf.data.listing import Listing
from imbclf.errors import UserError
from imbclf.evaluation.cross_fitting import cut
from imbclf.evaluation.evaluate import evaluate, evaluation_text
from imbclf.evaluation.fold_files import read_scores
from imbclf.evaluation.operating_scores import cross_fitted_table, operating_point_of
from imbclf.evaluation.run_directory import read_oof
from imbclf.metrics.thresholds import choose_threshold
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.operating_point import OperatingPoint
from imbclf.prediction.predictions import Predictions


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return written(tmp_path, repeats=1)


def written(folder: Path, repeats: int) -> Path:
    write_images(folder)
    write_run(folder / "run", folder, tuple(range(3 * repeats)), repeats)
    config = folder / "run" / "config.yaml"
    config.write_text(
        json.dumps({**json.loads(config.read_text()), "cv": {"threshold": "min_hter"}})
    )
    return folder / "run"


def by_hand(run: Path, fold: int) -> dict[str, float]:
    table = read_scores(run, fold)
    dev, test = table[table["part"] == "dev"], table[table["part"] == "test"]
    labels = test["label"].to_numpy()
    piece, scores = cut(labels, 5, seed=fold), {}
    for row in range(len(test)):
        rest = test[piece != piece[row]]
        threshold = choose_threshold(
            [*dev["logit"], *rest["logit"]], [*dev["label"], *rest["label"]], "min_hter"
        )
        scores[test["file"].iloc[row]] = test["logit"].iloc[row] - threshold
    return scores


def test_no_image_has_a_say_in_the_threshold_of_its_score(run: Path) -> None:
    table = cross_fitted_table(run).set_index("file")
    assert len(table) == 150
    for fold in range(3):
        for file, score in by_hand(run, fold).items():
            assert table["score"][file] == pytest.approx(score)
    labels = read_oof(run).set_index("file")["label"]
    assert (table["label"] == labels[table.index]).all()


def test_over_repeats_an_image_has_the_mean_of_its_scores(tmp_path: Path) -> None:
    run = written(tmp_path, repeats=2)
    table = cross_fitted_table(run).set_index("file")
    assert len(table) == 150
    each = [by_hand(run, fold) for fold in range(6)]
    for file in table.index[:10]:
        scores = [one[file] for one in each if file in one]
        assert len(scores) == 2
        assert table["score"][file] == pytest.approx(np.mean(scores))


def test_a_confidence_moves_the_threshold_to_the_safe_side(run: Path) -> None:
    assert operating_point_of(DecisionOptions(), run) is None
    bounded = operating_point_of(DecisionOptions(max_frr=0.2), run)
    plain = operating_point_of(DecisionOptions(max_frr=0.2, confidence=None), run)
    assert isinstance(bounded, OperatingPoint)
    assert isinstance(plain, OperatingPoint)
    assert bounded.frr < plain.frr
    with pytest.raises(UserError, match=r"max_far=0\.1: needs the out-of-fold scores"):
        operating_point_of(DecisionOptions(max_far=0.1), run.parent)


def answer(threshold: float) -> tuple[Predictions, Listing]:
    random = np.random.default_rng(1)
    labels = np.repeat([0, 1], [300, 100])
    scores = random.normal(labels, 1.0)
    decisions = (scores >= threshold).astype(np.int64)
    names = np.array(["fine", "ill"])
    files = np.array([f"{row}.png" for row in range(400)])
    found = Predictions(
        scores,
        1 / (1 + np.exp(-scores)),
        decisions,
        names[decisions],
        scores[:, None],
        threshold=threshold,
    )
    return found, Listing(Path(), files, labels, label_names=("fine", "ill"))


@pytest.mark.parametrize("aim", [{"max_far": 0.1}, {"min_precision": 0.6}, {"cost_ratio": 3.0}])
def test_the_point_in_use_is_the_one_judged(aim: dict[str, float], tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    labels = np.repeat([0, 1], [900, 300])
    oof = {"score": random.normal(labels, 1.0), "label": labels}
    point = DecisionOptions(**aim, confidence=None).operating_point(oof)  # type: ignore[arg-type]
    assert point is not None
    predictions, listing = answer(point.threshold)
    report = evaluate(predictions, listing, tmp_path, 1, point=point)
    truth = listing.labels
    assert truth is not None
    far, frr = predictions.decisions[:300].mean(), 1 - predictions.decisions[300:].mean()
    assert (report["far"], report["frr"]) == (pytest.approx(far), pytest.approx(frr))
    judged = json.loads((tmp_path / "evaluation.json").read_text())["operating_point"]
    assert judged["threshold"] == report["threshold"] == point.threshold
    if "max_far" in aim:
        assert judged["measured"] == pytest.approx(far)
        assert judged["met"] == (far <= 0.1)
        assert "for max_far=0.1: FAR" in evaluation_text(report)
    elif "min_precision" in aim:
        # At the prevalence of the training, .25, which is that of these images too.
        precision = truth[predictions.decisions == 1].mean()
        assert judged["measured"] == pytest.approx(precision)
        low, high = judged["measured_interval"]
        assert low < precision < high
    # Ranking is not moved by a threshold.
    assert report["auroc"] == evaluate(predictions, listing, tmp_path, 1)["auroc"]


def test_a_threshold_beyond_all_scores_is_judged(tmp_path: Path) -> None:
    for threshold, rates in ((np.inf, (0, 1)), (-np.inf, (1, 0))):
        report = evaluate(*answer(threshold), tmp_path, 1)
        assert (report["far"], report["frr"]) == rates
