import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from helpers.gaussians import draw
from imbclf.metrics.calibration import fit_platt, fit_temperature, shift_prior


@pytest.mark.parametrize("n0", [30, 1000])
@pytest.mark.parametrize("distance", [0.5, 2.6])
def test_platt_equals_logistic_regression_on_platts_targets(n0: int, distance: float) -> None:
    """A soft target t is the label 1 with weight t and the label 0 with weight 1 - t."""
    scores, labels = draw(0, n0=n0, distance=distance)
    n1 = labels.sum()
    targets = np.where(labels == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    both = np.concatenate([scores, scores])[:, None]
    sides = np.repeat([1, 0], len(scores))
    model.fit(both, sides, sample_weight=np.concatenate([targets, 1 - targets]))
    slope, intercept = fit_platt(scores, labels)
    assert slope == pytest.approx(model.coef_[0, 0], rel=1e-4)
    assert intercept == pytest.approx(model.intercept_[0], rel=1e-4, abs=1e-4)


def test_platt_recovers_the_log_odds_of_two_gaussians() -> None:
    """For N(0, 1) and N(d, 1) the log-odds are d x - d^2 / 2 + log(n1 / n0)."""
    scores, labels = draw(0, n0=20_000, n1=60_000, distance=2.0)
    slope, intercept = fit_platt(scores, labels)
    assert slope == pytest.approx(2.0, abs=0.06)
    assert intercept == pytest.approx(-2 + np.log(3), abs=0.06)


def test_platt_stays_finite_when_the_classes_are_separable() -> None:
    slope, intercept = fit_platt([-1.0] * 10 + [1.0] * 30, [0] * 10 + [1] * 30)
    assert expit([intercept - slope, intercept + slope]) == pytest.approx([1 / 12, 31 / 32])


def test_platt_of_far_away_and_of_equal_scores() -> None:
    scores, labels = draw(0)
    slope, intercept = fit_platt(scores, labels)
    moved = fit_platt(scores * 1e-3 + 1e3, labels)
    assert moved == pytest.approx((slope * 1e3, intercept - slope * 1e6), rel=1e-4)
    slope, intercept = fit_platt([2.0] * 40, [0] * 10 + [1] * 30)
    assert slope == 0
    assert expit(intercept) == pytest.approx((30 * 31 / 32 + 10 / 12) / 40)


def test_platt_never_turns_scores_upside_down() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores = rng.normal(size=40)
        labels = (scores + rng.normal(size=40) < 0).astype(np.int64)
        slope, intercept = fit_platt(scores, labels)
        n0, n1 = np.bincount(labels)
        targets = np.where(labels == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
        assert slope == 0
        assert expit(intercept) == pytest.approx(targets.mean())


@pytest.mark.parametrize("factor", [1e-3, 1.0, 50.0])
def test_temperature_equals_logistic_regression_without_intercept(factor: float) -> None:
    scores, labels = draw(1)
    scores = factor * (scores - 1.3)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000, fit_intercept=False)
    model.fit(scores[:, None] / factor, labels)
    assert 1 / fit_temperature(scores, labels) == pytest.approx(
        model.coef_[0, 0] / factor, rel=1e-4
    )


def test_temperature_gives_back_the_one_that_stretched_the_log_odds() -> None:
    """For N(0, 1) and N(d, 1) in equal numbers the log-odds are d x - d^2 / 2."""
    scores, labels = draw(0, n0=40_000, n1=40_000, distance=2.0)
    assert fit_temperature(2.5 * (2 * scores - 2), labels) == pytest.approx(2.5, rel=0.03)


def test_temperature_stays_finite_where_scores_separate_mislead_or_say_nothing() -> None:
    labels = [0] * 10 + [1] * 30
    separate = [-1.0] * 10 + [1.0] * 30
    assert 0 < fit_temperature(separate, labels) < 1e-3
    assert 1e3 < fit_temperature([-score for score in separate], labels) < np.inf
    assert fit_temperature([0.0] * 40, labels) == 1


def test_another_prior_is_what_reweighting_the_classes_gives() -> None:
    """Bayes by counting: with equal features, images of label 1 are k times as frequent."""
    of_0, of_1 = np.array([8.0, 3.0, 1.0]), np.array([2.0, 5.0, 30.0])
    prior = of_1.sum() / (of_0.sum() + of_1.sum())
    more = 4 * of_1
    new_prior = more.sum() / (of_0.sum() + more.sum())
    shifted = shift_prior(of_1 / (of_0 + of_1), prior, new_prior)
    np.testing.assert_allclose(shifted, more / (of_0 + more))


def test_a_prior_of_no_change_and_certain_probabilities_stay() -> None:
    certain = np.array([0.0, 1.0])
    assert shift_prior(certain, 0.2, 0.9).tolist() == [0, 1]
    np.testing.assert_allclose(shift_prior(np.array([0.1, 0.7]), 0.2, 0.2), [0.1, 0.7])
    assert logit(shift_prior(np.array([0.5]), 0.5, 0.25))[0] == pytest.approx(-np.log(3))
