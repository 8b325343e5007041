"""Error rates against the threshold."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imbclf.metrics.error_rates import decide, error_curve, hter
from imbclf.reporting.figure_style import (
    CURVE,
    LABELS,
    POINT,
    add_legend,
    as_written,
    new_figure,
)
from imbclf.reporting.figures.score_axis import SCORE, score_range


def draw_hter(
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
    fold_of: NDArray[np.int64],
    oracle: float | None,
    names: tuple[str, str] = ("label 0", "label 1"),
) -> Figure:
    """Draw FAR, FRR and HTER against the threshold, the chosen one marked, and the oracle's HTER.

    Args:
        scores: `[N]`, minus the chosen threshold.
        labels: `[N]`, 0 or 1.
        fold_of: `[N]`, the fold that each image was tested in; each fold's HTER is drawn faintly.
        oracle: HTER of the best threshold of each fold; None where it is not known.
        names: how the user spells the two labels.
    """
    figure, axes = new_figure(
        "Threshold: l" + SCORE[1:], "Error rate (%)", title="Errors by threshold"
    )
    low, high = score_range(scores)
    for number, fold in enumerate(np.unique(fold_of)):
        own = error_curve(scores[fold_of == fold], labels[fold_of == fold])
        label = "HTER of each fold" if number == 0 else None
        axes.step(own.thresholds, 100 * own.hter, "0.75", linewidth=0.8, where="pre", label=label)
    curve = error_curve(scores, labels)
    zero, one = map(as_written, names)
    errors = (
        (curve.far, f"FAR: {zero} taken for {one}", "--", LABELS[0]),
        (curve.frr, f"FRR: {one} taken for {zero}", "-.", LABELS[1]),
    )
    for values, label, style, color in errors:
        axes.plot(curve.thresholds, 100 * values, style, color=color, linewidth=1.2, label=label)
    axes.plot(curve.thresholds, 100 * curve.hter, color=CURVE, label="HTER, pooled")
    chosen = 100 * hter(decide(scores, 0.0), labels)
    axes.plot(0, chosen, "o", color=POINT, label=f"chosen on dev: {chosen:.1f} %")
    if oracle is not None:
        label = f"oracle: {100 * oracle:.1f} %"
        axes.plot([low, high], [100 * oracle] * 2, "k:", linewidth=1, label=label)
    axes.set(xlim=(low, high), ylim=(0, None))
    add_legend(figure)
    return figure
