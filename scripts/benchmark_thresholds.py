"""What choosing a threshold on few images costs: HTER above the least possible, by estimator.

    python scripts/benchmark_thresholds.py [RUN ...] [--minority 30 144 1000] [--draws 200]

On simulated scores, whose HTER at any threshold is known exactly, and on the out-of-fold scores of
finished runs: a part of their images is drawn to choose the threshold on, the rest judges it.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from imbclf.metrics.error_rates import decide, error_curve, hter
from imbclf.metrics.thresholds import Method, choose_threshold
from imbclf.utils.tables import read_table

MINORITY_SHARE = 0.12
Scores = NDArray[np.float64]
# Scores and labels to choose on, and the HTER above the least that a threshold comes to.
Draw = tuple[Scores, NDArray[np.int64], Callable[[float], float]]


class Distribution(Protocol):
    """What is needed of those in scipy.stats."""

    def cdf(self, x: Any) -> Any:  # noqa: ANN401
        """Return the share of scores that are not above x."""

    def rvs(self, size: int, random_state: np.random.Generator) -> Any:  # noqa: ANN401
        """Draw scores."""


@dataclass(frozen=True)
class Mixture:
    """Scores of two kinds, the second with a share of its own."""

    usual: Distribution
    odd: Distribution
    share: float

    def cdf(self, x: Any) -> Any:  # noqa: ANN401
        """Return the share of scores that are not above x."""
        return (1 - self.share) * self.usual.cdf(x) + self.share * self.odd.cdf(x)

    def rvs(self, size: int, random_state: np.random.Generator) -> Any:  # noqa: ANN401
        """Draw scores."""
        usual, odd = (part.rvs(size, random_state=random_state) for part in (self.usual, self.odd))
        return np.where(random_state.random(size) < self.share, odd, usual)


# Distributions of the scores of label 0 (the minority) and of label 1.
SHAPES: dict[str, tuple[Distribution, Distribution]] = {
    "normal": (stats.norm(-1.3), stats.norm(1.3)),
    "normal, near": (stats.norm(-0.8), stats.norm(0.8)),
    "wide minority": (stats.norm(-2, 2), stats.norm(1.3)),
    "wide majority": (stats.norm(-1.3), stats.norm(2, 2)),
    "heavy tails": (stats.t(3, -1.5), stats.t(3, 1.5)),
    "skewed": (stats.gumbel_r(-2, 1), stats.gumbel_l(2, 1)),
    "minority of two kinds": (Mixture(stats.norm(-2.5), stats.norm(0.5), 0.25), stats.norm(1.5)),
    "sure majority": (stats.norm(-1.3, 1.5), Mixture(stats.norm(4), stats.norm(1), 0.3)),
}


def simulated(minority: int, draws: int) -> Iterator[Draw]:
    """Draw from each shape; the HTER of a threshold follows from the distributions."""
    majority = round(minority * (1 - MINORITY_SHARE) / MINORITY_SHARE)
    labels = np.repeat([0, 1], [minority, majority])
    grid = np.linspace(-8, 8, 4001)
    for shape, (zero, one) in enumerate(SHAPES.values()):
        least = float(((1 - zero.cdf(grid) + one.cdf(grid)) / 2).min())

        for draw in range(draws):
            rng = np.random.default_rng([shape, minority, draw])
            drawn = [zero.rvs(minority, random_state=rng), one.rvs(majority, random_state=rng)]
            yield np.concatenate(drawn), labels, partial(_exact, zero=zero, one=one, least=least)


def resampled(run: Path, minority: int, draws: int) -> Iterator[Draw]:
    """Draw images of a run to choose on, of both labels the same share; the others judge.

    None are drawn where fewer than 300 images of the minority would be left to judge.
    """
    oof = read_table(run / "oof.csv")
    scores, labels = oof["score"].to_numpy(np.float64), oof["label"].to_numpy(np.int64)
    of_class = [np.flatnonzero(labels == label) for label in (0, 1)]
    fewest = min(map(len, of_class))
    if fewest - minority < 300:
        return
    for draw in range(draws):
        rng = np.random.default_rng([minority, draw])
        share = minority / fewest
        dev = np.concatenate(
            [rng.permutation(part)[: round(share * len(part))] for part in of_class]
        )
        rest = np.setdiff1d(np.arange(len(labels)), dev)
        judge = partial(_counted, scores=scores[rest], labels=labels[rest])
        yield scores[dev], labels[dev], judge


def _exact(threshold: float, zero: Distribution, one: Distribution, least: float) -> float:
    return float((1 - zero.cdf(threshold) + one.cdf(threshold)) / 2) - least


def _counted(threshold: float, scores: Scores, labels: NDArray[np.int64]) -> float:
    least = float(error_curve(scores, labels).hter.min())
    return hter(decide(scores, threshold), labels) - least


def mean_excess(draws: Iterator[Draw]) -> dict[Method, float]:
    """Return the mean over draws of the HTER above the least; NaN where nothing was drawn."""
    methods: tuple[Method, ...] = get_args(Method)
    found: dict[Method, list[float]] = {method: [] for method in methods}
    for scores, labels, excess in draws:
        for method in methods:
            found[method].append(excess(choose_threshold(scores, labels, method)))
    return {
        method: float(np.mean(values)) if values else np.nan for method, values in found.items()
    }


def table(sources: Sequence[tuple[str, int, dict[Method, float]]]) -> str:
    """Write one row for each estimator, one column for each source and number, in .0001."""
    heads = [f"{name}, {minority}" for name, minority, _ in sources]
    lines = [f"| `cv.threshold` | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for method in get_args(Method):
        values = [excess[method] for _, _, excess in sources]
        cells = ["" if np.isnan(value) else f"{1e4 * value:.0f}" for value in values]
        lines.append(f"| `{method}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("runs", type=Path, nargs="*", help="finished run directories")
    parser.add_argument("--minority", type=int, nargs="+", default=[30, 144, 1000])
    parser.add_argument("--draws", type=int, default=200, help="of each shape and each run")
    options = parser.parse_args()
    found = [
        ("simulated", number, mean_excess(simulated(number, options.draws)))
        for number in options.minority
    ]
    for run in options.runs:
        found += [
            (run.name, number, mean_excess(resampled(run, number, options.draws)))
            for number in options.minority
        ]
    print(table(found))


if __name__ == "__main__":
    main()
