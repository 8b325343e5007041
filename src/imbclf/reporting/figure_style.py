"""What all figures have in common: size, colors, axes, and names as the user wrote them."""

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 120
WIDTH = 6  # inches
# Seven that color-blind readers distinguish (Okabe and Ito 2008), then wine, gray and olive.
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
COLORS = (*OKABE_ITO, "#882255", "#999999", "#808000")


def new_figure(x: str, y: str, height: float = 4) -> tuple[Figure, Axes]:
    """Return a figure with one pair of axes: their labels with units, a faint grid."""
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)  # not pyplot, which keeps every figure and may want a display
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    return figure, axes


def as_written(name: str) -> str:
    r"""Return a name escaped for matplotlib, which takes text between dollars for mathematics.

    >>> print(as_written("under 5 $"))
    under 5 \$
    """
    return name.replace("$", r"\$")
