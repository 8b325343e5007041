"""Hard example sampling: harder images are drawn more often, within bounds."""

import math
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from torch import Tensor

from imbclf.samplers.base import IndexSampler
from imbclf.utils.checks import check_choice, check_range

By = Literal["loss", "margin"]
MIN_LOSS = 1e-30  # keeps the logarithm of a loss of 0 finite


def bounded_weights(scores: NDArray[np.float64], bound: float) -> NDArray[np.float64]:
    """Return exp(score), scaled and clipped to [1 / bound, bound] with mean 1, float64 `[N]`.

    w_i = min(max(c exp(s_i), 1 / bound), bound), with c such that the mean is 1.

    Args:
        scores: `[N]`, finite.
        bound: 1 or more.

    >>> bounded_weights(np.log([1.0, 2.0, 9.0]), bound=2.0)
    array([0.5, 0.5, 2. ])
    """
    limit = math.log(bound)

    def weights(shift: float) -> NDArray[np.float64]:
        return np.exp(np.clip(scores + shift, -limit, limit))

    if scores.size == 0:
        return scores
    low, high = -limit - scores.max(), limit - scores.min()
    found: NDArray[np.float64] = weights(brentq(lambda shift: weights(shift).mean() - 1, low, high))
    return found


def systematic_sample(
    weights: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Draw N positions, position i floor(w_i) or ceil(w_i) times and w_i times on average.

    Systematic sampling: equally spaced marks with a random start on the cumulated weights, which
    are in random order. Source: Madow, On the Theory of Systematic Sampling, II, 1949.

    Args:
        weights: `[N]`, 0 or more, with mean 1.
        random: random generator.

    >>> sorted(systematic_sample(np.ones(3), np.random.default_rng(0)).tolist())
    [0, 1, 2]
    """
    count = len(weights)
    order = random.permutation(count)
    edges = np.cumsum(weights[order])
    edges *= count / edges[-1]
    marks = np.arange(count) + random.random()
    # The last mark may be rounded to the last edge.
    drawn = np.minimum(np.searchsorted(edges, marks, side="right"), count - 1)
    return random.permutation(order[drawn])


class HardSampler(IndexSampler):
    """Draws N images per epoch, those that were harder in previous epochs more often.

    The difficulty of an image is the running mean d <- momentum d + (1 - momentum) x over epochs, x
    being its mean loss or margin in one epoch. By loss, an image is drawn in proportion to d, by
    margin to exp(d), but at least 1 / bound and at most `bound` times as often as in a shuffle.
    Images not observed yet, as all in the first epoch, are drawn as in a shuffle.

    Args:
        labels: int64 `[N]`, 0 and 1.
        seed: 0 or more.
        bound: 1 or more; 1 is a shuffle.
        momentum: weight of previous epochs, 0 to below 1.
        by: `loss` (cross-entropy) or `margin` (logit of the wrong label).

    Raises:
        UserError: an option is out of range.

    >>> sampler = HardSampler(np.array([0, 1, 1, 1]), seed=0, bound=2.0)
    >>> logits, targets = np.array([3.0, 1.0, 1.0, 1.0]), np.array([0.0, 1.0, 1.0, 1.0])
    >>> sampler.observe(np.arange(4), logits, targets)
    >>> sampler.weights()
    array([2.        , 0.66666667, 0.66666667, 0.66666667])
    """

    def __init__(
        self,
        labels: NDArray[np.int64],
        seed: int,
        bound: float = 3.0,
        momentum: float = 0.5,
        by: By = "loss",
    ) -> None:
        super().__init__(labels, seed)
        check_range("sampler.bound", bound, at_least=1)
        check_range("sampler.momentum", momentum, at_least=0, below=1)
        check_choice("sampler.by", by, get_args(By))
        self.bound, self.momentum, self.by = bound, momentum, by
        self.difficulty = np.full(len(labels), np.nan)

    def observe(
        self,
        positions: NDArray[np.int64],
        logits: NDArray[np.float64],
        targets: NDArray[np.float64],
    ) -> None:
        """Update the difficulties from one epoch; soft labels and non-finite logits are ignored."""
        clear = np.isin(targets, (0, 1)) & np.isfinite(logits)
        positions, against = positions[clear], np.where(targets == 1, -logits, logits)[clear]
        observed = np.logaddexp(0, against) if self.by == "loss" else against
        times = np.bincount(positions, minlength=len(self.labels))
        sums = np.bincount(positions, weights=observed, minlength=len(self.labels))
        seen = times > 0
        mean = sums[seen] / times[seen]
        before = np.where(np.isnan(self.difficulty), 0, self.difficulty)[seen]
        share = np.where(np.isnan(self.difficulty), 0, self.momentum)[seen]
        self.difficulty[seen] = share * before + (1 - share) * mean

    def weights(self) -> NDArray[np.float64]:
        """Return the expected number of draws of each image in the next epoch, `[N]`, of mean 1."""
        weights = np.ones(len(self.labels))
        seen = ~np.isnan(self.difficulty)
        scores = self.difficulty[seen]
        if self.by == "loss":
            # The loss of a very confident prediction is rounded to 0.
            scores = np.log(np.maximum(scores, MIN_LOSS))
        weights[seen] = bounded_weights(scores, self.bound)
        return weights

    def draw(self) -> NDArray[np.int64]:
        """Draw each image its expected number of times, rounded up or down at random."""
        return systematic_sample(self.weights(), np.random.default_rng([self.seed, self.epoch]))

    def state_dict(self) -> dict[str, Tensor]:
        """Return the difficulties, NaN for images not observed yet."""
        return {"difficulty": torch.from_numpy(self.difficulty.copy())}

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Restore the difficulties from `state_dict`."""
        self.difficulty = state_dict["difficulty"].cpu().numpy().copy()
