"""The share of label 1 among new images: EM as published, brute force, and known shares."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit

from imbclf.metrics.prior_shift import estimate_share

DISTANCE = 2.0  # of Gaussian scores: log-odds = DISTANCE x + logit(prior)


def draw(rng: np.random.Generator, count: int, share: float, prior: float) -> NDArray[np.float64]:
    """Calibrated log-odds, for the prior of the training, of images with another share."""
    labels = rng.random(count) < share
    scores = rng.normal(DISTANCE * (labels - 0.5), 1.0)
    return np.asarray(DISTANCE * scores + logit(prior), np.float64)


def by_em(log_odds: NDArray[np.float64], prior: float) -> float:
    """Saerens et al., equations 2.9, started at the share of the training."""
    probability, share = expit(log_odds), prior
    for _ in range(20_000):
        one = share / prior * probability
        zero = (1 - share) / (1 - prior) * (1 - probability)
        share = float((one / (one + zero)).mean())
    return share


@pytest.mark.parametrize(("share", "prior"), [(0.5, 0.12), (0.05, 0.12), (0.9, 0.5), (0.3, 0.02)])
def test_the_share_is_that_of_em_and_of_a_fine_grid(share: float, prior: float) -> None:
    log_odds = draw(np.random.default_rng(0), 500, share, prior)
    found = estimate_share(log_odds, prior)
    assert found.share == pytest.approx(by_em(log_odds, prior), abs=1e-4)
    grid = np.linspace(0, 1, 100_001)
    ratios = np.exp(log_odds - logit(prior))
    likelihood = np.array([np.log(1 + q * (ratios - 1)).sum() for q in grid[::100]])
    assert found.share == pytest.approx(grid[::100][likelihood.argmax()], abs=1e-3)
    inside = grid[::100][likelihood > likelihood.max() - 3.8415 / 2]
    assert (found.low, found.high) == pytest.approx((inside[0], inside[-1]), abs=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("count", [30, 200, 2000])
@pytest.mark.parametrize("share", [0.02, 0.12, 0.5])
def test_intervals_cover_the_true_share(count: int, share: float) -> None:
    rng = np.random.default_rng(count)
    found = [estimate_share(draw(rng, count, share, 0.12), 0.12) for _ in range(200)]
    covered = np.mean([one.low <= share <= one.high for one in found])
    print(count, share, covered)
    assert covered > 0.89
    if share == 0.12:
        assert np.mean([one.p < 0.05 for one in found]) < 0.09
    else:
        assert count < 2000 or np.mean([one.p < 0.05 for one in found]) > 0.95


def test_few_images_say_little() -> None:
    rng = np.random.default_rng(1)
    few, many = (estimate_share(draw(rng, count, 0.5, 0.12), 0.12) for count in (5, 1000))
    assert few.high - few.low > 0.5 > 5 * (many.high - many.low) / 2


def test_models_that_see_the_same_images_are_no_more_evidence() -> None:
    log_odds = draw(np.random.default_rng(2), 300, 0.4, 0.12)
    one, five = (estimate_share(given, 0.12) for given in (log_odds, np.tile(log_odds, (5, 1)).T))
    assert (one.share, one.low, one.high) == pytest.approx((five.share, five.low, five.high))


def test_extremes_are_shares_too() -> None:
    assert estimate_share(np.full(50, 40.0), 0.5).share == 1
    assert estimate_share(np.full(50, -1e6), 0.5).share == 0
    useless = estimate_share(np.zeros(50), 0.5)  # a model that says the same of all
    assert (useless.low, useless.high, useless.p) == (0, 1, 1)
    with pytest.raises(ValueError, match="one or more images"):
        estimate_share(np.zeros(0), 0.5)
    with pytest.raises(ValueError, match="prior=1"):
        estimate_share(np.zeros(3), 1)
