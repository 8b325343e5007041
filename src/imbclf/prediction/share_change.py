"""Whether new images have another share of the labels than those of the training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.metrics.prior_shift import ShareEstimate, estimate_share
from imbclf.prediction.decision_rule import DecisionRule
from imbclf.prediction.distances import SIGNIFICANCE, is_significant_drift
from imbclf.prediction.training_statistics import LabelScores, TrainingStatistics

MIN_RATIO = 2.0  # of the odds of the shares, from which on a change is told


@dataclass(frozen=True)
class ShareChange:
    """The estimated share of a label among new images.

    Attributes:
        label: 0 or 1, the rarer one in training.
        images: number of new images.
        share, low, high: estimate of the label's share, and its 95 % interval.
        training: its share in training.
        sensitivity, specificity: of decisions on out-of-fold images; the label is the positive one.
        p: of the hypothesis that the share is that of the training.
        is_explained: whether scores are distributed as those of the training with this share are.
    """

    label: int
    images: int
    share: float
    low: float
    high: float
    training: float
    sensitivity: float
    specificity: float
    p: float
    is_explained: bool

    @property
    def is_changed(self) -> bool:
        """Whether the share differs by more than chance, and its odds by a factor of two."""
        odds = [
            share / (1 - share) if share < 1 else np.inf for share in (self.share, self.training)
        ]
        ratio = max(odds) / max(min(odds), 1e-12)
        return self.p < SIGNIFICANCE and ratio >= MIN_RATIO

    def predictive_values(self, share: float) -> tuple[float | None, float | None]:
        """Return PPV and NPV where the label has a share, by Bayes' rule; None if never decided."""
        found = share * self.sensitivity, (1 - share) * (1 - self.specificity)
        rest = (1 - share) * self.specificity, share * (1 - self.sensitivity)
        ppv, npv = (
            right / (right + wrong) if right + wrong > 0 else None for right, wrong in (found, rest)
        )
        return ppv, npv

    def to_json(self, names: tuple[str, str]) -> dict[str, Any]:
        """Return the numbers, JSON-able."""
        ppv, npv = self.predictive_values(self.share)
        return {
            "label": names[self.label],
            "share": self.share,
            "interval": [self.low, self.high],
            "training": self.training,
            "p": self.p,
            "explains_scores": self.is_explained,
            "ppv": ppv,
            "npv": npv,
        }

    def sentence(self, names: tuple[str, str]) -> str:
        """Return what the scores look like, what this does to decisions, and what to do.

        >>> change = ShareChange(0, 300, 0.5, 0.44, 0.56, 0.12, 0.8, 0.9, 1e-9, True)
        >>> for sentence in change.sentence(("bad", "good")).split(". "):
        ...     print(sentence)
        these 300 images look like 50 % of label bad (95 % interval 44 % to 56 %) instead of 12 %
        If so, label bad is right for 89 % of the images that get it (in training 52 %), label \
good for 82 % (97 %)
        For probabilities at this share: imbclf-predict prior=0.5
        """
        rarer, other = names[self.label], names[1 - self.label]
        now, then = self.predictive_values(self.share), self.predictive_values(self.training)
        of_one = self.share if self.label == 1 else 1 - self.share
        here = f"{_percent(self.low)} to {_percent(self.high)}"
        return (
            f"these {self.images:,} images look like {_percent(self.share)} of label {rarer} (95 % "
            f"interval {here}) instead of {_percent(self.training)}. If so, label {rarer} is right "
            f"for {_percent(now[0])} of the images that get it (in training {_percent(then[0])}), "
            f"label {other} for {_percent(now[1])} ({_percent(then[1])}). For probabilities at "
            f"this share: imbclf-predict prior={min(max(of_one, 0.001), 0.999):.3g}"
        )


def find_share(
    logits: NDArray[np.float64],
    names: Sequence[str],
    rules: Sequence[DecisionRule],
    training: TrainingStatistics,
) -> ShareChange | None:
    """Estimate the share of the rarer label among new images (`estimate_share`).

    Whether it explains the scores: the mixture of the out-of-fold scores of both labels with this
    share is compared with the new ones (Kolmogorov and Smirnov).

    Args:
        logits: `[N, M]` of the M fold models, N >= 1.
        names: `[M]`, of the fold models.
        rules: `[M]`, their decision rules; none if they are not known.
        training: the training statistics.

    Returns:
        None where no rules are given, scores by label are not known, as in runs of version 0.1, or
        no score tells the labels apart.
    """
    known = [
        (place, rule, training.by_label[name])
        for place, (name, rule) in enumerate(zip(names, rules, strict=False))
        if name in training.by_label and rule["slope"] > 0
    ]
    if not known:
        return None
    places, chosen, scores = zip(*known, strict=True)
    own = logits[:, list(places)]
    slopes, intercepts, priors = (
        np.array([rule[key] for rule in chosen]) for key in ("slope", "intercept", "prior")
    )
    found = estimate_share(slopes * own + intercepts, priors)
    prior = float(priors.mean())
    return _of_rarer(found, prior, own, chosen, scores)


def _of_rarer(
    found: ShareEstimate,
    prior: float,
    logits: NDArray[np.float64],
    rules: Sequence[DecisionRule],
    scores: Sequence[LabelScores],
) -> ShareChange:
    far = np.mean([_reaching(one, 0, rule) for one, rule in zip(scores, rules, strict=True)])
    hit = np.mean([_reaching(one, 1, rule) for one, rule in zip(scores, rules, strict=True)])
    distance = mixture_distance(logits, [one.quantiles for one in scores], found.share)
    counts = np.sum([one.images for one in scores], axis=0)
    weights = np.array([1 - found.share, found.share])
    size = int(1 / (weights**2 / counts).sum())
    is_explained = not is_significant_drift(distance, len(logits), size)
    if prior < 0.5:
        share, low, high, training = found.share, found.low, found.high, prior
    else:
        share, low, high, training = 1 - found.share, 1 - found.high, 1 - found.low, 1 - prior
    right = float(hit), float(1 - far)
    sensitivity, specificity = right if prior < 0.5 else right[::-1]
    return ShareChange(
        int(prior < 0.5),
        len(logits),
        share,
        low,
        high,
        training,
        sensitivity,
        specificity,
        found.p,
        is_explained,
    )


def mixture_distance(
    logits: NDArray[np.float64], quantiles: Sequence[NDArray[np.float64]], share: float
) -> float:
    """Return the largest difference between new scores and a mixture of those of both labels.

    Args:
        logits: `[N, M]`; the differences at each level are averaged over the M models.
        quantiles: for each model `[2, Q]`, of label 0 and label 1 at even levels.
        share: of label 1 in the mixture.
    """
    total = np.zeros(quantiles[0].size)
    for own, (zero, one) in zip(logits.T, quantiles, strict=True):
        grid = np.sort(np.concatenate([zero, one]))
        new, low, high = (
            np.searchsorted(np.sort(known), grid, "right") / len(known)
            for known in (own, zero, one)
        )
        total += (new - (1 - share) * low - share * high) / len(quantiles)
    return float(np.abs(total).max())


def _reaching(scores: LabelScores, label: int, rule: DecisionRule) -> float:
    """Return the share of a label's out-of-fold scores that reach the threshold."""
    known = scores.quantiles[label]
    return 1 - float(np.searchsorted(known, rule["threshold"], "left")) / len(known)


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.0f} %"
