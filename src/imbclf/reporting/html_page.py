"""HTML pages in one file that open without a network: text, tables, figures, images."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imbclf.reporting.embedded_images import svg_address
from imbclf.reporting.page_parts import (
    Cell as Cell,
    Matrix,
    Picture,
    Tile,
    table_cells,
    table_heads,
)
from imbclf.utils.files import write_text

if TYPE_CHECKING:
    from jinja2 import Environment

Block = dict[str, Any]


class Page:
    """A page as a list of sections, each a list of blocks, which one template renders.

    What is added before the first heading is the first screen. Contents are listed by themselves.

    Args:
        title: the main heading, and the title of the browser window.

    >>> page = Page("Report")
    >>> page.paragraph("5 < 6")
    >>> "<p>5 &lt; 6</p>" in page.html()
    True
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._blocks: list[Block] = []
        self._sections: list[Block] = [{"id": "result", "title": None, "blocks": self._blocks}]

    def heading(self, text: str) -> None:
        """Start a section, which the contents list."""
        self._blocks = []
        taken = [section["id"] for section in self._sections]
        self._sections.append({"id": _anchor(text, taken), "title": text, "blocks": self._blocks})

    def subheading(self, text: str) -> None:
        """Start a part of a section."""
        self._add("subheading", text=text)

    @contextmanager
    def folded(self, title: str) -> Iterator[None]:
        """Put what is added meanwhile under a title that opens by a click."""
        outer, inner = self._blocks, list[Block]()
        self._add("folded", title=title, blocks=inner)
        self._blocks = inner
        try:
            yield
        finally:
            self._blocks = outer

    def headline(self, label: str, value: str, rest: str) -> None:
        """Add the most important number, between its name and what qualifies it."""
        self._add("headline", label=label, value=value, rest=rest)

    def verdict(self, sentence: str, good: bool, advice: str = "") -> None:
        """Add what everything comes to, and what to do next, in a box that is green if good."""
        self._add("verdict", text=sentence, good=good, advice=advice)

    def caution(self, text: str) -> None:
        """Add a warning, in a box."""
        self._add("caution", text=text)

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Add names with their values, a line each."""
        self._add("facts", facts=list(facts))

    def tiles(self, tiles: Sequence[Tile]) -> None:
        """Add important rates side by side, each with its interval as a bar."""
        self._add("tiles", tiles=tiles)

    def matrix(self, matrix: Matrix, texts: Sequence[str] = ()) -> None:
        """Add a two-by-two table of counts and shares, and paragraphs beside it."""
        self._add("matrix", matrix=matrix, texts=texts)

    def paragraph(self, text: str, note: bool = False) -> None:
        """Add a paragraph, in small letters if it is a note."""
        self._add("paragraph", text=text, note=note)

    def code(self, text: str) -> None:
        """Add preformatted text, which wraps and can be copied: a command, a configuration."""
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
            rows: their cells; None and NaN are shown empty, a `Link` leads to its address.
            caption: the text below the table.
            decimals: of floats as shown; they are sorted by their full values.

        Raises:
            ValueError: a row has more or fewer cells than there are columns.
        """
        body = [list(row) for row in rows]
        heads = table_heads(columns, body)
        self._add("table", columns=heads, rows=table_cells(body, decimals), caption=caption)

    def figures(self, figures: Sequence[tuple[Figure, str, str]]) -> None:
        """Add figures, side by side where there is room, each with alternative text and caption."""
        shown = [
            {"source": svg_address(figure), "alt": alt, "caption": caption}
            for figure, alt, caption in figures
        ]
        self._add("figures", figures=shown)

    def gallery(
        self, images: Sequence[NDArray[np.uint8]], captions: Sequence[str], width: int = 7
    ) -> None:
        """Add small images, each with a caption that is its alternative text too.

        Args:
            images: uint8 `[H, W, 3]`.
            captions: one for each image.
            width: of each image on the page, in rem.
        """
        pairs = zip(images, captions, strict=True)
        self.pictures([Picture(image, caption) for image, caption in pairs], width)

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

    def slider(self, values: Mapping[str, object], matrix: Matrix) -> None:
        """Add a slider that moves the counts of a matrix; nothing without scripts, nor in print.

        Args:
            values: see `page/threshold.js`.
            matrix: at the start.
        """
        self._add("slider", values=values, matrix=matrix)

    def html(self) -> str:
        """Return the page as HTML."""
        template = _environment().get_template("template.html.jinja")
        return template.render(title=self.title, sections=self._sections)

    def write(self, path: Path) -> None:
        """Write the page atomically."""
        write_text(path, self.html())

    def _add(self, kind: str, **content: object) -> None:
        self._blocks.append({"kind": kind, **content})


@cache
def _environment() -> "Environment":
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
    environment.filters["units"] = lambda text: re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)
    return environment


def _anchor(text: str, taken: Sequence[str]) -> str:
    """Return a name for links to a section.

    >>> _anchor("Folds & more", ["folds-more"])
    'folds-more-2'
    """
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "section"
    names = [plain, *(f"{plain}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
