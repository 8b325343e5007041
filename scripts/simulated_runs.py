"""Simulated runs whose true error rates are known in closed form."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

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
        models = [
            LogisticRegression(
                C=c, class_weight="balanced", solver="newton-cholesky", max_iter=25, tol=1e-2
            ).fit(features[fold.fit], labels[fold.fit])
            for c in EPOCHS
        ]
        on_dev = [model.decision_function(features[fold.dev]) for model in models]
        epoch = int(np.argmax([roc_auc_score(labels[fold.dev], scores) for scores in on_dev]))
        test = models[epoch].decision_function(features[fold.test])
        threshold = choose_threshold(on_dev[epoch], labels[fold.dev], "smoothed")
        results.append(FoldResult(number, epoch, threshold, 1.0, 1.0, on_dev[epoch], test))
        lines.append(np.append(models[epoch].coef_[0], models[epoch].intercept_[0]))
    return SimulatedRun(labels, split, results, np.array(lines))
