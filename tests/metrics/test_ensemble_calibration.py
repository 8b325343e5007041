from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from helpers.simulated_ensembles import LEARNERS, SimulatedEnsemble, simulate
from imbclf.metrics.ensemble_calibration import models_correlation, sharpening
from imbclf.metrics.reliability import calibration_error

WORLDS = ((1000, 10), (1000, 30), (1000, 120), (3000, 360))
DRAWS = 8


def gaussian_scores(
    shared: float, own: float, models: int, prior: float, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Scores y + shared noise + own noise of each model, of 200,000 images."""
    random = np.random.default_rng(seed)
    labels = (random.random(200_000) < prior).astype(np.int64)
    common = labels + random.normal(0, shared**0.5, len(labels))
    return common[:, None] + random.normal(0, own**0.5, (len(labels), models)), labels


@pytest.mark.parametrize(("shared", "own"), [(1.0, 0.0), (0.5, 0.5), (0.2, 1.0)])
@pytest.mark.parametrize("prior", [0.5, 0.9])
def test_for_normal_classes_sharpened_log_odds_are_those_of_bayes(
    shared: float, own: float, prior: float
) -> None:
    scores, labels = gaussian_scores(shared, own, 5, prior)
    # The log-odds of a normal score of one model, by Bayes' rule.
    log_odds = (scores - 0.5) / (shared + own) + logit(prior)
    correlation = models_correlation(log_odds[:, :2], labels, prior)
    assert correlation == pytest.approx(shared / (shared + own), abs=0.04)
    mean = scores.mean(axis=1)
    truth = (mean - 0.5) / (shared + own / 5) + logit(prior)
    factor = sharpening(shared / (shared + own), 5)
    np.testing.assert_allclose(
        (log_odds.mean(axis=1) - logit(prior)) * factor + logit(prior), truth, atol=1e-9
    )


def test_models_that_share_no_images_or_know_nothing_leave_the_average_as_it_is() -> None:
    scores, labels = gaussian_scores(0.5, 0.5, 2, 0.5)
    apart = scores.copy()
    apart[::2, 0] = apart[1::2, 1] = np.nan
    assert models_correlation(apart, labels, 0.5) == 1
    one_class = np.where(labels[:, None] == 1, np.nan, scores)
    assert models_correlation(one_class, labels, 0.5) == 1
    assert models_correlation(np.zeros_like(scores), labels, 0.5) == 1
    assert models_correlation(-scores, labels, 0.5) == 1
    assert models_correlation(scores[:, :1], labels, 0.5) == 1


def test_its_unit_and_separable_images_do_no_harm() -> None:
    labels = np.repeat([0, 1], 6)
    apart = np.repeat([[-3.0, -2.0], [2.0, 3.0]], 6, axis=0)
    assert 0 <= models_correlation(apart, labels, 0.5) <= 1
    scores, labels = gaussian_scores(0.5, 0.5, 2, 0.5)
    expected = models_correlation(scores - 0.5, labels, 0.5)
    for scale in (1e-6, 1e6):
        assert models_correlation(scale * (scores - 0.5), labels, 0.5) == pytest.approx(
            expected, abs=1e-3
        )


def shipped(ensemble: SimulatedEnsemble) -> Iterator[NDArray[np.float64]]:
    """The probabilities of new images: mean of probabilities, of log-odds, and sharpened."""
    slopes, intercepts = ensemble.numbers("slope"), ensemble.numbers("intercept")
    each = slopes * ensemble.new_logits + intercepts
    yield expit(each).mean(axis=1)
    mean = each.mean(axis=1)
    yield expit(mean)
    prior = float(ensemble.numbers("prior").mean())
    own = slopes * ensemble.logits + intercepts
    correlation = models_correlation(own, ensemble.labels, prior)
    center = logit(prior)
    yield expit((mean - center) * sharpening(correlation, len(slopes)) + center)


def judge(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> list[float]:
    inner = np.clip(probabilities, 1e-12, 1 - 1e-12)
    model = LogisticRegression(C=1e6, max_iter=500).fit(logit(inner)[:, None], labels)
    error = calibration_error(probabilities, labels)
    return [error, log_loss(labels, inner), float(model.coef_[0, 0])]


@pytest.mark.slow
@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize(("images", "minority"), WORLDS)
def test_the_shipped_probability_is_better_than_before(
    learner: str, images: int, minority: int
) -> None:
    rows = []
    for seed in range(DRAWS):
        ensemble = simulate(learner, images, minority, seed)
        rows.append([judge(one, ensemble.new_labels) for one in shipped(ensemble)])
    table = np.array(rows)  # draws x ways x (ECE, log loss, slope)
    (errors, losses), slopes = table.mean(axis=0).T[:2], np.median(table[..., 2], axis=0)
    cells = [f"{errors[i]:.4f} {losses[i]:.4f} {slopes[i]:.2f}" for i in range(3)]
    print(f"{learner:8} {minority:>3}/{images} | " + " | ".join(cells))
    assert losses[2] < losses[0]
    assert losses[2] <= losses[1] + 1e-4
    assert errors[2] <= errors[0] + 1e-3
    assert abs(np.log(slopes[2])) < abs(np.log(slopes[0]))
