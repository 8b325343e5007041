"""What an ensemble says of images: scores, probabilities, decisions and labels."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imbclf.prediction.labeling_rule import REFER, REFERRED, Decide, decision_margins


@dataclass(frozen=True)
class Predictions:
    """The predictions of an ensemble of M fold models for N images.

    Attributes:
        scores: float64 `[N]`, mean over the fold models of logit - threshold; the decision is 1
            where the score is >= 0, or >= another threshold that was asked for, or where P(label 1)
            is >= .5, if that was asked for.
        probabilities: float64 `[N]`, P(label 1): the mean over the fold models of the calibrated
            log-odds, sharpened (`imbclf.metrics.sharpening`); in predictors of version 0.1 the mean
            of the probabilities.
        decisions: int64 `[N]`, 0 or 1.
        labels: str `[N]`, the decisions in the user's own spelling, or `refer`.
        logits: float64 `[N, M]`, of each fold model.
        decide, threshold: how labels were decided (see `decision_margins`).
        referred: bool `[N]`, which images a person is asked about; None: none. Their decisions are
            those that would be made if nobody was asked.
    """

    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    decisions: NDArray[np.int64]
    labels: NDArray[np.str_]
    logits: NDArray[np.float64]
    decide: Decide = "hter"
    threshold: float = 0.0
    referred: NDArray[np.bool_] | None = None

    def referring(self, band: tuple[float, float] | None) -> "Predictions":
        """Return the same with `refer` as label where `band[0]` <= score < `band[1]`."""
        if band is None:
            return self
        between = (self.scores >= band[0]) & (self.scores < band[1])
        return replace(self, labels=np.where(between, REFER, self.labels), referred=between)

    @property
    def outcomes(self) -> NDArray[np.int64]:
        """The decisions, int64 `[N]`, with -1 for an image that a person is asked about."""
        if self.referred is None:
            return self.decisions
        return np.where(self.referred, REFERRED, self.decisions)

    @property
    def margins(self) -> NDArray[np.float64]:
        """By how much each image is label 1, float64 `[N]`: it is where this is at least 0."""
        return decision_margins(self.scores, self.probabilities, self.decide, self.threshold)
