"""Whether training was still improving when it ended."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
from scipy.stats import kendalltau

FEWEST_EPOCHS = 4  # with fewer, chance alone orders them often: 1 in 3! > 5 %
LEVEL = 0.05
LEAST_GAIN = 0.005  # of AUROC, below which more epochs are not worth it


def auroc_gain(curves: Sequence[Sequence[float]]) -> float | None:
    """Return by how much the AUROC on dev still rose over the last epochs; None if it did not.

    Of the mean over folds, the last third of the epochs (at least 4) is looked at. It rises if
    its order in time is closer to ascending than that of 95 % of all orders (Kendall's tau,
    one-sided exact test, p <= 0.05) and the mean of its second half exceeds that of its first by at
    least 0.005, which is returned.

    Share of alarms in 2,000 simulations: noise of deviation .01 (.05) in each epoch of three folds,
    independent, around a flat curve, and around one that rises by .01 per epoch:

        epochs   flat, .01   flat, .05   rising, .01   rising, .05
             4        .031        .044           .67           .12
             8        .024        .035           .69           .11
            24        .022        .029          1.00           .47

    Args:
        curves: AUROC of each epoch, a curve per fold; the last epochs that all folds have count.

    >>> auroc_gain([[0.6, 0.7, 0.75, 0.78]]), auroc_gain([[0.6, 0.7, 0.7, 0.69]])
    (0.115, None)
    """
    length = min(map(len, curves), default=0)
    if length < FEWEST_EPOCHS:
        return None
    last = max(FEWEST_EPOCHS, ceil(length / 3))
    mean = np.mean([curve[len(curve) - last :] for curve in curves], axis=0)
    p = float(kendalltau(np.arange(last), mean, alternative="greater").pvalue)
    gain = float(np.mean(mean[-(last // 2) :]) - np.mean(mean[: last // 2]))
    return round(gain, 6) if p <= LEVEL and gain >= LEAST_GAIN else None


def with_improvement(
    verdict: Mapping[str, Any], curves: Sequence[Sequence[float]], epochs: int
) -> dict[str, Any]:
    """Return a verdict of a summary that says whether training was still improving.

    Args:
        verdict: `better`, `sentence` and `advice`.
        curves: AUROC on dev of each epoch, a curve per fold.
        epochs: that were planned.
    """
    gain = auroc_gain(curves)
    advice = str(verdict["advice"])
    if gain is not None:
        rising = (
            f"training was still improving (AUROC on dev by {gain:.3f} over its last epochs): "
            f"train for more than {epochs} epochs (trainer.max_epochs)"
        )
        advice = f"{rising}; {advice}" if advice else rising
    return {**verdict, "advice": advice, "still_improving": gain is not None}
