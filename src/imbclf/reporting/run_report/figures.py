"""Figures of a report that a run does not write as PNG files."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imbclf.metrics.error_rates import decide, error_curve, hter
from imbclf.metrics.expected_performance import DevAndTest, expected_performance
from imbclf.metrics.intervals import wilson_interval
from imbclf.metrics.reliability import brier_score, calibration_error, reliability_diagram
from imbclf.reporting.figure_style import COLORS, as_written, new_figure

SCORE = "Logit minus its fold's threshold (log-odds)"
COSTS = np.linspace(0, 1, 101)
HISTOGRAM_BINS = 60
SHOWN = 0.998  # share of the scores; the few beyond would compress the rest of the plot


def draw_hter(
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
    fold_of: NDArray[np.int64],
    oracle: float | None,
) -> Figure:
    """Draw FAR, FRR and HTER against the threshold, the chosen one marked, and the oracle's HTER.

    Args:
        scores: `[N]`, minus the chosen threshold.
        labels: `[N]`, 0 or 1.
        fold_of: `[N]`, the fold that each image was tested in; each fold's HTER is drawn faintly.
        oracle: HTER of the best threshold of each fold; None where it is not known.
    """
    figure, axes = new_figure("Threshold: l" + SCORE[1:], "Error rate (%)")
    low, high = _middle(scores)
    for number, fold in enumerate(np.unique(fold_of)):
        own = error_curve(scores[fold_of == fold], labels[fold_of == fold])
        label = "HTER of each fold" if number == 0 else None
        axes.step(own.thresholds, 100 * own.hter, "0.75", linewidth=0.8, where="pre", label=label)
    curve = error_curve(scores, labels)
    for values, name, color in ((curve.far, "FAR", COLORS[1]), (curve.frr, "FRR", COLORS[2])):
        axes.plot(curve.thresholds, 100 * values, "--", color=color, linewidth=1.2, label=name)
    axes.plot(curve.thresholds, 100 * curve.hter, color=COLORS[0], label="HTER, pooled")
    chosen = 100 * hter(decide(scores, 0.0), labels)
    axes.plot(0, chosen, "o", color="black", label=f"chosen on dev: {chosen:.2f} %")
    if oracle is not None:
        label = f"oracle: {100 * oracle:.2f} %"
        axes.plot([low, high], [100 * oracle] * 2, "k:", linewidth=1, label=label)
    axes.set(xlim=(low, high), ylim=(0, None))
    figure.legend(loc="outside upper center", frameon=False, ncols=3)
    return figure


def draw_histograms(
    scores: NDArray[np.float64], labels: NDArray[np.int64], names: tuple[str, str]
) -> Figure:
    """Draw the histogram of the scores of each class, as shares of that class.

    Args:
        scores: `[N]`, minus the threshold; those beyond the axes are drawn at their edge.
        labels: `[N]`, 0 or 1.
        names: how the user spells the two labels.
    """
    figure, axes = new_figure(SCORE, "Share of the class's images in a bin (%)")
    low, high = _middle(scores)
    edges = np.linspace(low, high, HISTOGRAM_BINS + 1)
    for label, color in ((0, COLORS[1]), (1, COLORS[0])):
        own = scores[labels == label].clip(low, high)
        shares = 100 * np.histogram(own, edges)[0] / max(len(own), 1)
        name = f"label {as_written(names[label])} ({len(own)} images)"
        axes.stairs(shares, edges, fill=True, alpha=0.35, color=color)
        axes.stairs(shares, edges, color=color, linewidth=1.2, label=name)
    decided = f"threshold: {as_written(names[1])} is decided to the right"
    axes.axvline(0, color="black", linewidth=1, linestyle=":", label=decided)
    axes.set(xlim=(low, high))
    figure.legend(loc="outside upper center", frameon=False)
    return figure


def draw_reliability(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64], name: str
) -> Figure:
    """Draw observed shares of label 1 against predicted ones, with 95 % intervals.

    Args:
        probabilities: `[N]`, of label 1.
        labels: `[N]`, 0 or 1.
        name: how the user spells label 1.
    """
    one = as_written(name)
    x, y = f"Predicted probability of {one} (%)", f"Share of images that are {one} (%)"
    figure, axes = new_figure(x, y, height=6)
    diagram = reliability_diagram(probabilities, labels)
    axes.plot([0, 100], [0, 100], "0.6", linestyle=":", label="perfect calibration")
    pairs = zip(diagram.observed.tolist(), diagram.counts.tolist(), strict=True)
    bounds = np.array([wilson_interval(rate, count) for rate, count in pairs])
    reach = np.abs(bounds - diagram.observed[:, None]).T
    quality = (
        f"Brier score {brier_score(probabilities, labels):.4f}, "
        f"calibration error {calibration_error(probabilities, labels):.4f}"
    )
    axes.errorbar(
        100 * diagram.predicted,
        100 * diagram.observed,
        100 * reach,
        fmt="o-",
        color=COLORS[0],
        linewidth=1.2,
        markersize=4,
        capsize=2,
        label=quality,
    )
    axes.set(xlim=(-1, 101), ylim=(-1, 101), aspect="equal")
    figure.legend(loc="outside upper center", frameon=False)
    return figure


def draw_expected_performance(folds: Sequence[DevAndTest], reported: float) -> Figure:
    """Draw the HTER on test against the cost by which thresholds are chosen on dev.

    Args:
        folds: the scores of each fold.
        reported: HTER of the thresholds that the run chose; it is marked at cost 1/2.
    """
    figure, axes = new_figure(
        "Cost c: thresholds on dev with the least c FAR + (1 − c) FRR", "HTER on test (%)"
    )
    axes.plot(COSTS, 100 * expected_performance(folds, COSTS), color=COLORS[0], label="EPC")
    label = f"as reported: {100 * reported:.2f} %"
    axes.plot(0.5, 100 * reported, "o", color=COLORS[1], label=label)
    axes.set(xlim=(0, 1), ylim=(0, None))
    figure.legend(loc="outside upper center", frameon=False, ncols=2)
    return figure


def _middle(scores: NDArray[np.float64]) -> tuple[float, float]:
    """Return a range that holds nearly all scores, and the threshold 0."""
    low, high = np.quantile(scores, [(1 - SHOWN) / 2, (1 + SHOWN) / 2])
    margin = 0.02 * max(float(high - low), 1e-6)
    return min(float(low), 0.0) - margin, max(float(high), 0.0) + margin
