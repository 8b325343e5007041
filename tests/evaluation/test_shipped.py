import numpy as np
import pytest

from helpers.simulated_ensembles import SimulatedEnsemble, simulate
from imbclf.evaluation.fold_files import FoldResult
from imbclf.evaluation.shipped import shipped, shipped_text
from imbclf.evaluation.summary import summarize
from imbclf.metrics.error_rates import hter

DRAWS = 30


def results_of(ensemble: SimulatedEnsemble) -> list[FoldResult]:
    return [
        FoldResult(
            number,
            0,
            0.0,
            1.0,
            1.0,
            ensemble.logits[fold.dev, number],
            ensemble.logits[fold.test, number],
        )
        for number, fold in enumerate(ensemble.folds)
    ]


def test_one_repeat_leaves_the_predictor_unmeasured_and_a_test_part_measures_it() -> None:
    ensemble = simulate("logistic", 300, 60, 0, new=100, folds=3)
    own = (results_of(ensemble), ensemble.folds, ensemble.labels, None, "smoothed")
    found = shipped(*own)  # type: ignore[arg-type]
    assert (found["how"], found["hter"], found["of"]) == ("not measured", None, 3)
    assert "not measured" in shipped_text(found)
    test = {"hter": 0.2, "hter_interval": [0.1, 0.3], "models": 3}
    found = shipped(*own, test)  # type: ignore[arg-type]
    assert (found["how"], found["hter"]) == ("test part", 0.2)
    assert "HTER 0.2000, 95 % interval 0.1000 to 0.3000, on the test part" in shipped_text(found)


def test_over_repeats_the_models_that_never_saw_an_image_judge_it_together() -> None:
    ensemble = simulate("random", 300, 60, 0, new=100, folds=3, repeats=4)
    results = results_of(ensemble)
    found = shipped(results, ensemble.folds, ensemble.labels, None, "smoothed")
    assert (found["how"], found["models"], found["of"]) == ("repeats", 4, 12)
    low, high = found["hter_interval"]
    assert low < found["hter"] < high
    # The interval is that of as many images as there are, not of four times as many.
    single = shipped(results[:6], ensemble.folds, ensemble.labels, None, "smoothed")
    assert high - low > 0.8 * np.diff(single["hter_interval"]).item()
    # Together they err less than one by one.
    alone = summarize(
        results, ensemble.folds, ensemble.labels, ("0", "1"), repeats=4, method="smoothed"
    )
    assert found["hter"] < alone["cross_fitted"]["hter"]
    # A repeat that is not finished leaves images with fewer judges.
    partly = shipped(results[:5], ensemble.folds, ensemble.labels, None, "smoothed")
    assert partly["how"] == "not measured"


@pytest.mark.slow
def test_repeats_come_nearer_to_the_predictor_than_single_models_do() -> None:
    rows = []
    for seed in range(DRAWS):
        ensemble = simulate("random", 1000, 120, seed, new=30_000, repeats=3)
        results, folds, labels = results_of(ensemble), ensemble.folds, ensemble.labels
        found = shipped(results, folds, labels, None, "smoothed")
        told = summarize(results, folds, labels, ("0", "1"), repeats=3, method="smoothed")
        above = ensemble.new_logits - ensemble.numbers("threshold")
        true = hter((above.mean(axis=1) >= 0).astype(np.int64), ensemble.new_labels)
        fitted = told["cross_fitted"]
        rows.append(
            [
                true,
                fitted["hter"],
                fitted["hter_interval"][0] <= true <= fitted["hter_interval"][1],
                found["hter"],
                found["hter_interval"][0] <= true <= found["hter_interval"][1],
            ]
        )
    true, single, single_covers, repeats, covers = np.mean(rows, axis=0)
    print(f"{true:.4f} | {single:.4f} {single_covers:.2f} | {repeats:.4f} {covers:.2f}")
    assert true - 0.01 < repeats < single
    assert covers > single_covers
    assert covers >= 0.8
