"""How one label is found over all thresholds, as the mean of the fold models' curves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imbclf.metrics.mean_curve import mean_curve
from imbclf.metrics.ranking import rank_by_models


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of test images, and the label that is to be found.

    Attributes:
        scores: `[N]`, higher for label 1, on one scale within a fold only; 1 is decided from 0 on.
        labels: `[N]`, 0 or 1.
        fold_of: `[N]`, whose fold model gave the score; None: one model gave all.
        positive: the label that is to be found, 0 or 1.
        name: how the user spells it.
    """

    scores: NDArray[np.float64]
    labels: NDArray[np.int64]
    fold_of: NDArray[np.int64] | None = None
    positive: int = 1
    name: str = "label 1"

    @property
    def prevalence(self) -> float:
        """The share of the positive label."""
        return float(np.mean(self.labels == self.positive))

    @property
    def sensitivity(self) -> float:
        """The share of the positive label that is found at the thresholds that were chosen."""
        found = (self.scores >= 0) == self.positive
        return float(np.mean(found[self.labels == self.positive]))

    @property
    def false_alarms(self) -> float:
        """The share of the other label that is taken for the positive one, 1 - specificity."""
        found = (self.scores >= 0) == self.positive
        return float(np.mean(found[self.labels != self.positive]))

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return 1 - specificity `[P]`, ascending, and sensitivity `[P]` (`mean_curve`)."""
        scores, labels = (
            (self.scores, self.labels) if self.positive else (-self.scores, 1 - self.labels)
        )
        false_alarms, missed = mean_curve(rank_by_models(scores, labels, self.fold_of))
        return false_alarms, 1 - missed


def of_folds(text: str, scored: Scored) -> str:
    """Return a text, and that it is about a mean of folds where it is."""
    return text if scored.fold_of is None else f"{text}, mean of folds"
