"""Simulated runs whose true error rates are known in closed form."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm, rankdata

from imbclf.data.splits import Fold, stratified_folds
from imbclf.evaluation.fold_files import FoldResult
from imbclf.metrics.thresholds import choose_threshold

FEATURES, DISTANCE = 20, 2.4
EPOCHS = (0.001, 0.01, 0.1, 1.0)  # inverse regularization; the "epoch" is chosen on dev


@dataclass(frozen=True, eq=False)
class SimulatedRun:
    """A run on Gaussian features whose class means are `DISTANCE` apart.

    Attributes:
        labels: `[N]`.
        folds, results: of all folds.
        lines: `[K, FEATURES + 1]`, weights and intercept of each fold model.
    """

    labels: NDArray[np.int64]
    folds: list[Fold]
    results: list[FoldResult]
    lines: NDArray[np.float64]

    @property
    def true_auroc(self) -> float:
        """Mean over fold models of Phi(d' / sqrt 2)."""
        return float(np.mean([norm.cdf(separation(line) / np.sqrt(2)) for line in self.lines]))

    def true_rates(self, thresholds: Sequence[float]) -> tuple[float, float]:
        """FAR and FRR, means over fold models, each with its threshold."""
        pairs = zip(self.lines, thresholds, strict=True)
        far, frr = np.mean([true_rates(line, threshold) for line, threshold in pairs], axis=0)
        return float(far), float(frr)

    def thresholds_of_dev_and_test(self) -> list[float]:
        """Of each fold model, as in a predictor."""
        return [
            choose_threshold(
                np.concatenate([result.dev_logits, result.test_logits]),
                self.labels[np.concatenate([fold.dev, fold.test])],
                "smoothed",
            )
            for result, fold in zip(self.results, self.folds, strict=True)
        ]


def separation(line: NDArray[np.float64]) -> float:
    """Return d' of the scores: distance of their class means over their deviation."""
    return float(DISTANCE * line[0] / np.linalg.norm(line[:-1]))


def true_rates(line: NDArray[np.float64], threshold: float) -> tuple[float, float]:
    """Return FAR and FRR on the population: class means are at 0 and (DISTANCE, 0, ...)."""
    norm_, high = np.linalg.norm(line[:-1]), DISTANCE * line[0]
    far = norm.sf((threshold - line[-1]) / norm_)
    return float(far), float(norm.cdf((threshold - line[-1] - high) / norm_))


def simulate_run(minority: int, majority: int, seed: int, folds: int = 5) -> SimulatedRun:
    """Train logistic regressions in stratified folds; label 1 is the majority.

    Args:
        minority: number of images of label 0.
        majority: of label 1.
        seed: of the images and of the folds.
        folds: K.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], [minority, majority])
    features = rng.normal(size=(len(labels), FEATURES))
    features[labels == 1, 0] += DISTANCE
    split = stratified_folds(labels, folds, seed)
    results, lines = [], []
    for number, fold in enumerate(split):
        fitted = [_logistic(features[fold.fit], labels[fold.fit], c) for c in EPOCHS]
        on_dev = [features[fold.dev] @ line[:-1] + line[-1] for line in fitted]
        epoch = int(np.argmax([_auroc(scores, labels[fold.dev]) for scores in on_dev]))
        line = fitted[epoch]
        test = features[fold.test] @ line[:-1] + line[-1]
        threshold = choose_threshold(on_dev[epoch], labels[fold.dev], "smoothed")
        results.append(FoldResult(number, epoch, threshold, 1.0, 1.0, on_dev[epoch], test))
        lines.append(line)
    return SimulatedRun(labels, split, results, np.array(lines))


def _logistic(
    features: NDArray[np.float64], labels: NDArray[np.int64], inverse: float
) -> NDArray[np.float64]:
    """Return weights and intercept as of scikit-learn's balanced logistic regression, in no time.

    Newton's steps until its gradient is at most 0.01 times the sum of the weights.
    """
    rows = np.column_stack([features, np.ones(len(labels))])
    weights = inverse * len(labels) / 2 / np.bincount(labels)[labels]
    penalty = np.append(np.ones(features.shape[1]), 0)
    line = np.zeros(rows.shape[1])
    for _ in range(25):
        chance = expit(rows @ line)
        gradient = rows.T @ (weights * (chance - labels)) + penalty * line
        if np.abs(gradient).max() < 0.01 * weights.sum():
            break
        spread = weights * chance * (1 - chance)
        line -= np.linalg.solve((rows * spread[:, None]).T @ rows + np.diag(penalty), gradient)
    return line


def _auroc(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the Mann-Whitney statistic of continuous scores, scaled to 0..1."""
    positive = int(labels.sum())
    above = rankdata(scores)[labels == 1].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (len(labels) - positive)))
