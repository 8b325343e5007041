"""HTML pages in one file that open without a network: text, sortable tables, figures, images."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imbclf.reporting.embedded_images import png_address, svg_address
from imbclf.reporting.page_parts import Picture
from imbclf.utils.files import write_text

if TYPE_CHECKING:
    from jinja2 import Template

Cell = str | int | float | None


class Page:
    """A page as a list of blocks, which one template renders.

    Args:
        title: the main heading, and the title of the browser window.

    >>> page = Page("Report")
    >>> page.paragraph("5 < 6")
    >>> "<p>5 &lt; 6</p>" in page.html()
    True
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._blocks: list[dict[str, object]] = []

    def headline(self, label: str, value: str, rest: str) -> None:
        """Add the most important number, between its name and what qualifies it."""
        self._add("headline", label=label, value=value, rest=rest)

    def heading(self, text: str) -> None:
        """Start a section."""
        self._add("heading", text=text)

    def subheading(self, text: str) -> None:
        """Start a part of a section."""
        self._add("subheading", text=text)

    def caution(self, text: str) -> None:
        """Add a warning, in a box."""
        self._add("caution", text=text)

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Add names with their values, a line each."""
        self._add("facts", facts=list(facts))

    def paragraph(self, text: str, note: bool = False) -> None:
        """Add a paragraph, in small letters if it is a note."""
        self._add("paragraph", text=text, note=note)

    def code(self, text: str) -> None:
        """Add preformatted text: a command, a configuration."""
        self._add("code", text=text)

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        caption: str,
        decimals: int = 4,
    ) -> None:
        """Add a table that sorts by a click on a column's head.

        Args:
            columns: their names.
            rows: their cells; None and NaN are shown empty.
            caption: the text below the table.
            decimals: of floats as shown; they are sorted by their full values.

        Raises:
            ValueError: a row has more or fewer cells than there are columns.
        """
        body = [list(row) for row in rows]
        cells_of = zip(*body, strict=True) if body else [()] * len(columns)
        heads = [
            {"name": name, "numeric": all(isinstance(cell, int | float | None) for cell in cells)}
            for name, cells in zip(columns, cells_of, strict=True)
        ]
        shown = [[_cell(value, decimals) for value in row] for row in body]
        self._add("table", columns=heads, rows=shown, caption=caption)

    def figures(self, figures: Sequence[tuple[Figure, str, str]]) -> None:
        """Add figures, side by side where there is room, each with alternative text and caption."""
        shown = [_picture(svg_address(figure), alt, caption) for figure, alt, caption in figures]
        self._add("figures", pictures=shown)

    def gallery(
        self, images: Sequence[NDArray[np.uint8]], captions: Sequence[str], width: int = 7
    ) -> None:
        """Add small images, each with a caption that is its alternative text too.

        Args:
            images: uint8 `[H, W, 3]`.
            captions: one for each image.
            width: of each image on the page, in rem.
        """
        shown = [
            _picture(png_address(image), caption, caption)
            for image, caption in zip(images, captions, strict=True)
        ]
        self._add("gallery", pictures=shown, width=width)

    def pictures(self, pictures: Sequence[Picture], width: int = 7) -> None:
        """Add images that open larger by a click; those with a heat map can show it.

        Args:
            pictures: images with their captions.
            width: of each image on the page, in rem.
        """
        self._add("pictures", pictures=pictures, width=width)

    def heat_switch(self) -> None:
        """Add a switch for the heat maps of all images of the page."""
        self._add("heat_switch")

    def html(self) -> str:
        """Return the page as HTML."""
        return _template().render(title=self.title, blocks=self._blocks)

    def write(self, path: Path) -> None:
        """Write the page atomically."""
        write_text(path, self.html())

    def _add(self, kind: str, **content: object) -> None:
        self._blocks.append({"kind": kind, **content})


@cache
def _template() -> "Template":
    # Imported here: a process that trains needs it once, at its end.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("imbclf.reporting", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["zip"] = zip
    return environment.get_template("template.html.jinja")


def _cell(value: Cell, decimals: int) -> dict[str, str]:
    if value is None or value != value:  # NaN
        return {"key": "", "text": ""}
    text = f"{value:.{decimals}f}" if isinstance(value, float) else str(value)
    return {"key": str(value), "text": text}


def _picture(source: str, alt: str, caption: str) -> dict[str, str]:
    return {"source": source, "alt": alt, "caption": caption}
