"""Pages of HTML in one file that open without a network: text, sortable tables, figures, images."""

import base64
import io
import warnings
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from imbclf.utils.files import write_text

THUMBNAIL = 112  # pixels, the width that a page shows them at

Cell = str | int | float | None

STYLE = """
:root { color-scheme: light; --ink: #1f2933; --faint: #52606d; --line: #d9e0e6; --blue: #0072b2 }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff;
  max-width: 78rem; margin: 2rem auto; padding: 0 1.25rem }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; padding-top: .75rem;
  border-top: 1px solid var(--line) }
p { max-width: 46rem; margin: .5rem 0 } pre { overflow: auto; background: #f5f7fa; padding: .75rem }
.headline { font-size: 1.35rem } .headline b { color: var(--blue) }
.note { color: var(--faint); font-size: .9rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem; margin: .75rem 0 }
caption { caption-side: bottom; text-align: left; color: var(--faint); padding-top: .4rem }
th, td { padding: .25rem .5rem; border-bottom: 1px solid var(--line); text-align: left;
  white-space: nowrap }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
th button { all: unset; cursor: pointer; font-weight: 600; white-space: nowrap }
th button:focus-visible { outline: 2px solid var(--blue) }
th[aria-sort=ascending] button::after { content: " \\2191" }
th[aria-sort=descending] button::after { content: " \\2193" }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem } figure { margin: .5rem 0 }
.figures figure { flex: 1 1 26rem; max-width: 33rem } figure img { max-width: 100% }
figcaption { color: var(--faint); font-size: .85rem; overflow-wrap: anywhere }
.gallery { display: flex; flex-wrap: wrap; gap: .75rem }
.gallery figure { width: var(--width); margin: 0 }
.gallery img { width: 100%; image-rendering: pixelated; display: block }
@media print { body { max-width: none; margin: 0; font-size: 11px }
  figure, tr { break-inside: avoid } h2 { break-after: avoid }
  .scroll { overflow: visible } table { font-size: 9px } pre { white-space: pre-wrap }
  th, td, th button { white-space: normal; padding: .15rem .3rem } th button { padding: 0 }
  .figures { display: block }
  .figures figure { display: inline-block; vertical-align: top; width: 48% } }
"""

# Absent values stay at the end, whichever way is sorted.
SORT = """
for (const table of document.querySelectorAll("table.sortable"))
  table.tHead.addEventListener("click", event => {
    const head = event.target.closest("th"); if (!head) return;
    const way = head.ariaSort === "ascending" ? -1 : 1, body = table.tBodies[0];
    const key = row => row.cells[head.cellIndex].dataset.value ?? "";
    for (const other of head.parentNode.cells) other.ariaSort = null;
    head.ariaSort = way === 1 ? "ascending" : "descending";
    body.append(...[...body.rows].sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === "" || y === "") return (x === "") - (y === "");
      const numeric = x - y;
      return way * (Number.isNaN(numeric) ? x.localeCompare(y) : numeric);
    }));
  });
"""


class Page:
    """A page that grows from top to bottom.

    Args:
        title: its heading and the name of its window.

    >>> page = Page("Report")
    >>> page.paragraph("5 < 6")
    >>> "<p>5 &lt; 6</p>" in page.html()
    True
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._parts = [f"<h1>{escape(title)}</h1>"]

    def headline(self, label: str, value: str, rest: str) -> None:
        """Add the one number that matters, between what it is and what belongs to it."""
        self._parts.append(
            f'<p class="headline">{escape(label)} <b>{escape(value)}</b> {escape(rest)}</p>'
        )

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{escape(text)}</h2>")

    def paragraph(self, text: str, note: bool = False) -> None:
        """Add a paragraph, in small letters if it is a note."""
        attribute = ' class="note"' if note else ""
        self._parts.append(f"<p{attribute}>{escape(text)}</p>")

    def code(self, text: str) -> None:
        """Add text that is shown as it is: a command, a configuration."""
        self._parts.append(f"<pre>{escape(text)}</pre>")

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        caption: str,
        decimals: int = 4,
    ) -> None:
        """Add a table that a click on a column's head sorts; floats are rounded, None is empty."""
        body = [list(row) for row in rows]
        numeric = [
            all(isinstance(row[i], int | float | None) for row in body) for i in range(len(columns))
        ]
        heads = "".join(map(_head, columns, numeric))
        lines = "".join(
            "<tr>" + "".join(map(_cell, row, numeric, [decimals] * len(row))) + "</tr>\n"
            for row in body
        )
        self._parts.append(
            f'<div class="scroll"><table class="sortable"><caption>{escape(caption)}</caption>'
            f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
        )

    def figures(self, figures: Sequence[tuple[Figure, str, str]]) -> None:
        """Add figures side by side where there is room: each with alternative text and caption."""
        shown = "".join(_figure(_svg(figure), alt, caption) for figure, alt, caption in figures)
        self._parts.append(f'<div class="figures">{shown}</div>')

    def gallery(
        self, images: Sequence[NDArray[np.uint8]], captions: Sequence[str], width: int = 7
    ) -> None:
        """Add small pictures, uint8 `[H, W, 3]`, each with its caption; it is their text too.

        `width` is that of each picture, in letters of the page's size.
        """
        shown = "".join(
            _figure(_png(image), caption, caption)
            for image, caption in zip(images, captions, strict=True)
        )
        self._parts.append(f'<div class="gallery" style="--width: {width}rem">{shown}</div>')

    def html(self) -> str:
        """Return the page."""
        head = (
            '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{escape(self.title)}</title><style>{STYLE}</style>"
        )
        body = "\n".join(self._parts)
        return (
            f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n'
            f"<script>{SORT}</script>\n</body></html>\n"
        )

    def write(self, path: Path) -> None:
        """Write the page, whole or not at all."""
        write_text(path, self.html())


def _number(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _head(column: str, is_number: bool) -> str:
    button = f'<button type="button">{escape(column)}</button>'
    return f'<th scope="col"{_number(is_number)}>{button}</th>'


def _cell(value: Cell, is_number: bool, decimals: int) -> str:
    missing = value is None or value != value  # NaN
    text = "" if missing else f"{value:.{decimals}f}" if isinstance(value, float) else str(value)
    key = "" if missing else escape(str(value))
    return f'<td{_number(is_number)} data-value="{key}">{escape(text)}</td>'


def _figure(source: str, alt: str, caption: str) -> str:
    return (
        f'<figure><img src="{source}" alt="{escape(alt)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _svg(figure: Figure) -> str:
    FigureCanvasSVG(figure)
    buffer = io.BytesIO()
    # The same figure, the same file; and text that the reader's fonts show, which have the letters
    # of more languages than the one that matplotlib would draw outlines of, with a warning for each
    # letter that it lacks.
    with (
        matplotlib.rc_context({"svg.hashsalt": "imbclf", "svg.fonttype": "none"}),
        warnings.catch_warnings(),
    ):
        for told in ("Glyph .* missing from", "Matplotlib currently does not support"):
            warnings.filterwarnings("ignore", told, UserWarning)
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def _png(image: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def thumbnail(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink an image `[H, W, 3]` to what a page shows; a small one is left as it is.

    >>> thumbnail(np.zeros((448, 224, 3), np.uint8)).shape
    (112, 56, 3)
    """
    if max(image.shape[:2]) <= THUMBNAIL:
        return image
    shrunk = Image.fromarray(image)
    shrunk.thumbnail((THUMBNAIL, THUMBNAIL))
    return np.asarray(shrunk)
