"""What chance in training adds to the chance in images that the interval of a run speaks of."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.metrics.error_rates import error_rates
from imbclf.metrics.training_chance import deviation_between_folds, deviation_between_repeats

FEWEST = 3  # trainings from which a deviation can be told


def training_chance(
    decisions: NDArray[np.int64],
    labels: NDArray[np.int64],
    fold_of: NDArray[np.int64],
    folds: int,
    groups: NDArray[np.generic] | None = None,
) -> dict[str, Any] | None:
    """Return how far the HTER of a run would move if it were trained once more.

    From the HTERs of three repeats or more, which test the same images, else from those of three
    folds or more, as far as chance in their images does not explain them.

    Args:
        decisions: `[M]`, 0 or 1.
        labels: `[M]`, 0 or 1.
        fold_of: `[M]`, the fold whose model decided, those of the first repeat first.
        folds: K, of each repeat.
        groups: `[M]`, which images depend on each other, where that is known.

    Returns:
        `from` (repeats or folds), their `count`, `deviation` (one standard deviation); None where
        there are too few, or a fold that lacks a label.
    """
    present = np.unique(fold_of)
    repeats = np.unique(present // folds)
    if len(repeats) >= FEWEST and len(present) == folds * len(repeats):
        of_repeat = fold_of // folds
        hters = [_hter(decisions[of_repeat == one], labels[of_repeat == one]) for one in repeats]
        return _found("repeats", len(repeats), deviation_between_repeats(hters))
    lacking = any(len(np.unique(labels[fold_of == one])) < 2 for one in present)
    if len(present) < FEWEST or lacking:
        return None
    deviation = deviation_between_folds(decisions, labels, fold_of, groups)
    return _found("folds", len(present), deviation)


def training_chance_text(found: Mapping[str, Any]) -> str:
    """Return it in a sentence.

    >>> print(training_chance_text({"from": "folds", "count": 5, "deviation": 0.0042}))
    Another training would move HTER by about 0.0042 (one standard deviation, judged by 5 folds); \
the interval, which is about images, does not include that
    """
    if not found["deviation"]:
        return (
            f"The {found['count']} {found['from']} differ no more than chance in their images "
            "explains: chance in training is small beside the interval"
        )
    return (
        f"Another training would move HTER by about {found['deviation']:.4f} (one standard "
        f"deviation, judged by {found['count']} {found['from']}); the interval, which is about "
        "images, does not include that"
    )


def _found(source: str, count: int, deviation: float) -> dict[str, Any]:
    return {"from": source, "count": count, "deviation": deviation}


def _hter(decisions: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    return sum(error_rates(decisions, labels)) / 2
