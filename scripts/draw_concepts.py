"""Draw the pictures of docs/concepts.md.

python scripts/draw_concepts.py [docs/images]
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import norm

from imbclf.metrics.intervals import hter_interval

BLUE, ORANGE, GREEN, GRAY = "#0072B2", "#D55E00", "#009E73", "0.85"
IN_SVG = {"svg.hashsalt": "imbclf", "font.size": 9, "svg.fonttype": "path"}
UNDATED: dict[str, dict[str, Any]] = {
    ".svg": {"metadata": {"Date": None}},
    ".png": {"dpi": 140, "metadata": {"Software": None}},
}


def figure(height: float) -> Figure:
    """Return an empty figure, 6 inches wide."""
    drawn = Figure(figsize=(6, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(drawn)
    return drawn


def write_pictures(arguments: Sequence[str], drawings: Mapping[str, Callable[[], Figure]]) -> None:
    """Write pictures, by their file names, into the folder that a script is called with."""
    folder = Path(arguments[0] if arguments else "docs/images")
    with rc_context(IN_SVG):  # type: ignore[arg-type]  # any key in later releases
        for name, draw in drawings.items():
            draw().savefig(folder / name, **UNDATED[Path(name).suffix])


def draw_threshold() -> Figure:
    """Draw the scores of two classes with a threshold between them."""
    drawn = figure(2.6)
    axes = drawn.add_subplot()
    scores, threshold = np.linspace(-4, 5, 400), 0.6
    for mean, color, name, wrong in (
        (-0.9, BLUE, "label 0", scores >= threshold),
        (1.8, ORANGE, "label 1", scores < threshold),
    ):
        density = norm.pdf(scores, mean)
        axes.plot(scores, density, color=color, label=name)
        axes.fill_between(scores, density, where=wrong.tolist(), color=color, alpha=0.4)
    axes.axvline(threshold, color="black", linewidth=1)
    axes.annotate("threshold", (threshold, 0.41), ha="center")
    axes.annotate("FAR", (0.7, 0.015), weight="bold")
    axes.annotate("FRR", (-0.05, 0.015), weight="bold")
    axes.set(xlabel="score", ylabel="density", yticks=[], ylim=(0, 0.46))
    axes.legend(frameon=False)
    return drawn


def draw_folds(folds: int = 5) -> Figure:
    """Draw which part of the images is fit, dev and test in each fold."""
    drawn = figure(2.2)
    axes = drawn.add_subplot()
    colors = {"fit": GRAY, "dev": GREEN, "test": ORANGE}
    for fold in range(folds):
        for block in range(2 * folds):
            role = (
                "test"
                if block // 2 == fold
                else "dev"
                if block == (2 * fold + 2) % (2 * folds)
                else "fit"
            )
            axes.barh(fold, 0.96, left=block, color=colors[role], height=0.8)
    handles = [axes.barh([0], [0], color=color, label=role) for role, color in colors.items()]
    axes.legend(
        handles, [*colors], loc="upper center", bbox_to_anchor=(0.5, 1.25), ncols=3, frameon=False
    )
    axes.set(yticks=range(folds), yticklabels=[f"fold {fold + 1}" for fold in range(folds)])
    axes.set(xticks=[], xlabel="images", xlim=(0, 2 * folds), ylim=(folds - 0.5, -0.5))
    return drawn


def draw_interval() -> Figure:
    """Draw the interval of an HTER of .1 for more and more images of the rare class."""
    drawn = figure(2.6)
    axes = drawn.add_subplot()
    rare = np.unique(np.geomspace(10, 2000, 60).astype(int))
    bounds = np.array([hter_interval(0.1, 0.1, int(count), int(8 * count)) for count in rare])
    axes.fill_between(
        rare, bounds[:, 0], bounds[:, 1], color=BLUE, alpha=0.3, label="95 % interval"
    )
    axes.axhline(0.1, color=BLUE, label="HTER")
    axes.set(xscale="log", xlabel="images of the rare class", ylabel="HTER", ylim=(0, 0.3))
    axes.set(xticks=[10, 30, 100, 300, 1000], xticklabels=["10", "30", "100", "300", "1,000"])
    axes.grid(color="0.9")
    axes.legend(frameon=False)
    return drawn


def main(arguments: Sequence[str]) -> None:
    """Write the pictures into a folder."""
    write_pictures(
        arguments,
        {
            "threshold.svg": draw_threshold,
            "folds.svg": draw_folds,
            "interval.svg": draw_interval,
        },
    )


if __name__ == "__main__":
    main(sys.argv[1:])
