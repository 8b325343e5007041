"""Figures as files."""

from pathlib import Path

from matplotlib.figure import Figure

from imbclf.reporting.embedded_images import svg
from imbclf.utils.files import atomic_write, write_text


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG and beside it as SVG, which prints at any size, atomically.

    Args:
        figure: the figure.
        path: of the PNG file; the SVG file has its name and another suffix.
    """
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png")
    write_text(path.with_suffix(".svg"), svg(figure))
