"""How often the intervals of a run hold the true value, on simulated runs whose truth is known.

    python scripts/benchmark_intervals.py [--minority 10 30 100] [--majority 1000] [--draws 400]

Images are points in 20 dimensions, Gaussian in each label; fold models are balanced logistic
regressions, whose "epoch" and threshold are chosen on dev, as in a training. A linear score of
Gaussian images has an HTER and an AUROC in closed form.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from imbclf.evaluation.summary import summarize
from simulated_runs import simulate_run


def intervals(
    minority: int, majority: int, seed: int
) -> Iterator[tuple[str, float, float, tuple[float, float]]]:
    """Simulate a run; return what each number is called, what it is, what is true, its interval."""
    run = simulate_run(minority, majority, seed)
    found: dict[str, Any] = summarize(
        run.results, run.folds, run.labels, ("0", "1"), method="smoothed"
    )
    fitted = found["cross_fitted"]
    far, frr = run.true_rates([result.threshold for result in run.results])
    refitted = sum(run.true_rates(run.thresholds_of_dev_and_test())) / 2
    yield "HTER", found["hter"], (far + frr) / 2, found["hter_interval"]
    yield "HTER, cross-fitted", fitted["hter"], refitted, fitted["hter_interval"]
    yield "FAR", found["far"], far, found["far_interval"]
    yield "FRR", found["frr"], frr, found["frr_interval"]
    yield "AUROC", found["auroc"], run.true_auroc, found["auroc_interval"]


def measure(minority: int, majority: int, draws: int) -> list[list[str]]:
    """Return a row for each kind of interval: means over simulated runs."""
    seen = defaultdict(list)
    for seed in range(draws):
        for name, reported, true, (low, high) in intervals(minority, majority, seed):
            seen[name].append((reported, true, low <= true <= high, high - low))
    rows = []
    for name, each in seen.items():
        reported, true, holds, width = np.mean(each, axis=0)
        numbers = [f"{reported:.3f}", f"{true:.3f}", f"{holds:.3f}", f"{width:.3f}"]
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
