"""Ranking measures of several models against scikit-learn, other formulas and simulation."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from imbclf.evaluation.summary import pool
from imbclf.metrics.error_rates import equal_error_rate
from imbclf.metrics.intervals import wilson_interval
from imbclf.metrics.mean_curve import mean_curve
from imbclf.metrics.ranking import (
    mean_auroc,
    mean_average_precision,
    mean_over_models,
    placements,
    rank_by_models,
)
from simulated_runs import simulate_run

Drawn = tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]


def draw(seed: int, images: int = 200, models: int = 4, shift: float = 9.0) -> Drawn:
    """Scores with ties, on another scale for each model."""
    rng = np.random.default_rng(seed)
    labels, model = rng.integers(0, 2, images), rng.integers(0, models, images)
    scores = np.round(rng.normal(size=images) + 1.5 * labels, 1) * (1 + model) + shift * model
    return scores, labels, model


def test_measures_are_means_of_scikit_learns_over_models() -> None:
    for seed in range(20):
        scores, labels, model = draw(seed)
        ranked = rank_by_models(scores, labels, model)
        parts = [(labels[model == one], scores[model == one]) for one in range(4)]
        auroc = np.mean([roc_auc_score(*part) for part in parts])
        assert mean_auroc(ranked)[0] == pytest.approx(auroc)
        assert abs(auroc - roc_auc_score(labels, scores)) > 0.05
        of_one = np.mean([average_precision_score(*part) for part in parts])
        of_zero = np.mean([average_precision_score(1 - y, -s) for y, s in parts])
        assert mean_average_precision(ranked, 1)[0] == pytest.approx(of_one)
        assert mean_average_precision(ranked, 0)[0] == pytest.approx(of_zero)
        eer = np.mean([equal_error_rate(s, y) for y, s in parts])
        assert mean_over_models(ranked, equal_error_rate) == pytest.approx(eer)


def test_the_area_below_the_mean_curve_is_the_mean_auroc() -> None:
    for seed in range(20):
        ranked = rank_by_models(*draw(seed))
        far, frr = mean_curve(ranked)
        assert np.trapezoid(1 - frr, far) == pytest.approx(mean_auroc(ranked)[0], abs=1e-12)
        assert (np.diff(frr) <= 1e-12).all()
        assert (far[0], far[-1], frr[-1]) == (0, 1, 0)


def test_placements_are_counted_pairs() -> None:
    scores, labels, model = draw(3)
    found = placements(rank_by_models(scores, labels, model))
    for row in range(0, 200, 7):
        others = scores[(model == model[row]) & (labels != labels[row])]
        sign = 1 if labels[row] else -1
        wins = (sign * scores[row] > sign * others).mean() + (scores[row] == others).mean() / 2
        assert found[row] == pytest.approx(wins)


def test_with_many_images_the_interval_is_delongs() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [1500, 4500])
    scores = rng.normal(size=6000) + labels
    ones, zeros = scores[labels == 1], scores[labels == 0]
    wins = ones[:, None] > zeros
    variance = wins.mean(1).var(ddof=1) / 4500 + wins.mean(0).var(ddof=1) / 1500
    auroc, low, high = mean_auroc(rank_by_models(scores, labels))
    half = norm.ppf(0.975) * np.sqrt(variance)
    assert (auroc - low, high - auroc) == pytest.approx((half, half), rel=0.03)


@pytest.mark.parametrize(("zeros", "ones"), [(1, 50), (50, 1), (1, 1), (3, 300)])
def test_few_images_and_separated_classes_give_no_point(zeros: int, ones: int) -> None:
    labels = np.repeat([0, 1], [zeros, ones])
    for scores, expected in ((labels * 1.0, 1.0), (-labels * 1.0, 0.0), (labels * 0.0, 0.5)):
        auroc, low, high = mean_auroc(rank_by_models(scores, labels))
        assert auroc == expected
        assert 0 <= low <= auroc <= high <= 1
        assert high - low > 0.25


def test_models_that_lack_a_class_are_left_out() -> None:
    scores, labels, model = draw(1)
    more = np.append(scores, [1.0, 2.0]), np.append(labels, [1, 1]), np.append(model, [7, 7])
    assert mean_auroc(rank_by_models(*more)) == mean_auroc(rank_by_models(scores, labels, model))
    nothing = rank_by_models([1.0, 2.0], [1, 1])
    assert np.isnan([*mean_auroc(nothing), *mean_average_precision(nothing, 1)]).all()


def test_images_that_are_copies_of_each_other_count_once() -> None:
    scores, labels, model = draw(2, images=120, models=2)
    once = mean_auroc(rank_by_models(scores, labels, model))
    copies = [np.repeat(values, 5) for values in (scores, labels, model, np.arange(120))]
    assert mean_auroc(rank_by_models(*copies)) == pytest.approx(once, abs=0.01)
    _, low, high = mean_auroc(rank_by_models(*copies[:3]))
    assert high - low < 0.6 * (once[2] - once[1])
    alone, clustered = (
        mean_average_precision(rank_by_models(*of), 1)
        for of in ((scores, labels, model), tuple(copies))
    )
    assert clustered[2] - clustered[1] == pytest.approx(alone[2] - alone[1], rel=0.1)


def test_average_precision_has_the_interval_of_as_many_trials_as_images_of_the_label() -> None:
    scores, labels, _ = draw(4)
    for label in (0, 1):
        mean, low, high = mean_average_precision(rank_by_models(scores, labels), label)
        assert (low, high) == pytest.approx(wilson_interval(mean, int((labels == label).sum())))


@pytest.mark.slow
@pytest.mark.parametrize(("minority", "majority"), [(10, 1000), (36, 300), (30, 3000)])
def test_the_mean_auroc_is_that_of_the_fold_models_and_covered(
    minority: int, majority: int
) -> None:
    truths, means, pooled, covered = [], [], [], []
    for seed in range(120):
        run = simulate_run(minority, majority, seed)
        oof = pool(run.results, run.folds)
        labels = run.labels[oof.rows]
        mean, low, high = mean_auroc(rank_by_models(oof.scores, labels, oof.fold_of))
        truths.append(run.true_auroc)
        means.append(mean)
        pooled.append(roc_auc_score(labels, oof.scores))
        covered.append(low <= run.true_auroc <= high)
    error = np.std(np.subtract(means, truths)) / np.sqrt(len(truths))
    assert abs(np.mean(means) - np.mean(truths)) < 3 * error
    assert np.mean(pooled) < np.mean(truths) - 0.02
    assert 0.88 <= np.mean(covered) <= 1
