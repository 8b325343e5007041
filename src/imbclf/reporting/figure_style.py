"""What all figures have in common: size, one color for each meaning, and names as written."""

from collections.abc import Iterable
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 288
WIDTH, HEIGHT = 5, 4.4  # inches; the text, of 10 points, is legible on a phone
# Seven that color-blind readers distinguish (Okabe and Ito 2008), then wine, gray and olive.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
COLORS = (*OKABE_ITO, "#882255", "#999999", "#808000")

CURVE = "#0072B2"  # what the models do over all thresholds
POINT = "#D55E00"  # what they do at the threshold that was chosen
LABELS = ("#E69F00", "#009E73")  # images of label 0 and of label 1, and the errors among them
CHANCE = "0.55"  # what is reached without looking at an image
FOLDS = ("#56B4E9", "#882255", "#808000", "#CC79A7", "#000000", "#999999")


def new_figure(
    x: str, y: str, height: float = HEIGHT, title: str | None = None
) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes: a title, labels with units, a faint grid."""
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)  # not pyplot, which keeps every figure and may want a display
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y)
    if title is not None:
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    return figure, axes


def add_legend(figure: Figure, columns: int = 1) -> None:
    """Add the legend below the axes, where it hides nothing."""
    figure.legend(loc="outside lower center", frameon=False, ncols=columns, fontsize=9)


def fold_colors(folds: Iterable[int]) -> dict[int, str]:
    """Return a color for each fold, in order."""
    return dict(zip(sorted(folds), cycle(FOLDS), strict=False))


def as_written(name: str) -> str:
    r"""Return a name escaped for matplotlib, which takes text between dollars for mathematics.

    >>> print(as_written("under 5 $"))
    under 5 \$
    """
    return name.replace("$", r"\$")
