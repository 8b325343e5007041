"""How often the intervals of a run hold the true value, on simulated runs whose truth is known.

    python scripts/benchmark_intervals.py [--minority 10 30 100] [--majority 1000] [--draws 400]

Images are points in 20 dimensions, Gaussian in each label; fold models are balanced logistic
regressions, whose "epoch" and threshold are chosen on dev, as in a training. A linear score of
Gaussian images has an HTER and an AUROC in closed form.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from imbclf.data.splits import Fold, stratified_folds
from imbclf.evaluation.fold_files import FoldResult
from imbclf.evaluation.summary import summarize
from imbclf.metrics.thresholds import Method, choose_threshold

FEATURES, DISTANCE = 20, 2.4
STRENGTHS = (0.001, 0.01, 0.1, 1.0)
METHOD: Method = "smoothed"


@dataclass(frozen=True, eq=False)
class Line:
    """A fold model: its score is w . x + b."""

    weights: NDArray[np.float64]
    bias: float

    def scores(self, images: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the scores `[N]` of images `[N, FEATURES]`."""
        return images @ self.weights + self.bias

    def rates(self, threshold: float) -> tuple[float, float]:
        """Return the true FAR and FRR: label 0 lies around 0, label 1 around (DISTANCE, 0, ...)."""
        spread = float(np.linalg.norm(self.weights))
        above = (threshold - self.bias) / spread
        return norm.sf(above), norm.cdf(above - DISTANCE * self.weights[0] / spread)

    def auroc(self) -> float:
        """Return the true area under the ROC curve."""
        separation = DISTANCE * self.weights[0] / np.linalg.norm(self.weights)
        return float(norm.cdf(separation / np.sqrt(2)))


def train(
    images: NDArray[np.float64], labels: NDArray[np.int64], number: int, fold: Fold
) -> tuple[Line, FoldResult]:
    """Fit the models of a fold's "epochs", choose one on dev, and score dev and test."""
    lines = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, class_weight="balanced", solver="newton-cholesky")
        model.fit(images[fold.fit], labels[fold.fit])
        lines.append(Line(model.coef_[0], float(model.intercept_[0])))
    on_dev = [line.scores(images[fold.dev]) for line in lines]
    best = int(np.argmax([roc_auc_score(labels[fold.dev], scores) for scores in on_dev]))
    threshold = choose_threshold(on_dev[best], labels[fold.dev], METHOD)
    test = lines[best].scores(images[fold.test])
    return lines[best], FoldResult(number, best, threshold, 1.0, 1.0, on_dev[best], test)


def intervals(
    minority: int, majority: int, seed: int
) -> Iterator[tuple[str, float, float, tuple[float, float]]]:
    """Simulate a run; return what each number is called, what it is, what is true, its interval."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.array([0, 1]), [minority, majority])
    images = rng.normal(size=(len(labels), FEATURES))
    images[labels == 1, 0] += DISTANCE
    folds = stratified_folds(labels, 5, seed)
    trained = [train(images, labels, number, fold) for number, fold in enumerate(folds)]
    results = [result for _, result in trained]
    found: dict[str, Any] = summarize(results, folds, labels, ("0", "1"), method=METHOD)
    tested = np.mean([line.rates(result.threshold) for line, result in trained], axis=0)
    refitted = []
    for (line, result), fold in zip(trained, folds, strict=True):
        scores = np.concatenate([result.dev_logits, result.test_logits])
        truth = labels[np.concatenate([fold.dev, fold.test])]
        refitted.append(line.rates(choose_threshold(scores, truth, METHOD)))
    fitted = found["cross_fitted"]
    yield "HTER", found["hter"], float(np.mean(tested)), found["hter_interval"]
    yield "FAR", found["far"], float(tested[0]), found["far_interval"]
    yield "FRR", found["frr"], float(tested[1]), found["frr_interval"]
    yield "HTER, cross-fitted", fitted["hter"], float(np.mean(refitted)), fitted["hter_interval"]
    auroc = float(np.mean([line.auroc() for line, _ in trained]))
    yield "AUROC", found["auroc"], auroc, found["auroc_interval"]


def measure(minority: int, majority: int, draws: int) -> list[list[str]]:
    """Return a row for each kind of interval: means over simulated runs."""
    seen = defaultdict(list)
    for seed in range(draws):
        for name, told, true, (low, high) in intervals(minority, majority, seed):
            seen[name].append((told, true, low <= true <= high, high - low))
    rows = []
    for name, each in seen.items():
        told, true, holds, width = np.mean(each, axis=0)
        numbers = [f"{told:.3f}", f"{true:.3f}", f"{holds:.3f}", f"{width:.3f}"]
        rows.append([str(minority), name, *numbers])
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minority", type=int, nargs="+", default=[10, 30, 100])
    parser.add_argument("--majority", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=400)
    options = parser.parse_args()
    header = ["minority images", "interval of", "reported", "true", "holds in", "width"]
    rows = [measure(count, options.majority, options.draws) for count in options.minority]
    for row in [header, ["---:", "---", *["---:"] * 4], *(row for some in rows for row in some)]:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
