"""What a page is made of: tiles, a two-by-two matrix, images with captions, cells of tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from imbclf.reporting.embedded_images import heat_address, image_address


@dataclass(frozen=True)
class Link:
    """A cell of a table that leads somewhere."""

    text: str
    address: str


Cell = str | int | float | Link | None
PIXELATED = 128  # pixels, below which an image is enlarged without smoothing


@dataclass(frozen=True)
class Tile:
    """A rate with its interval.

    Attributes:
        name: what it is.
        value: 0 to 1; None where it is undefined.
        low, high: the ends of its interval, 0 to 1; None where it is not known.
        text: what it means, in one line.
        chance: its value for guessing; None where there is no such value.
        is_share: whether it is shown in percent.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    text: str
    chance: float | None = None
    is_share: bool = True

    @property
    def shown(self) -> str:
        """Return the value as text."""
        if self.value is None or self.value != self.value:
            return "undefined"
        return f"{100 * self.value:.1f} %" if self.is_share else f"{self.value:.3f}"

    @property
    def interval(self) -> str:
        """Return the interval as text; "" where it is not known."""
        if self.low is None or self.high is None:
            return ""
        if self.is_share:
            return f"{100 * self.low:.1f} to {100 * self.high:.1f} %"
        return f"{self.low:.3f} to {self.high:.3f}"


CELLS = (("found", "missed"), ("false alarms", "cleared"))


@dataclass(frozen=True)
class Matrix:
    """Counts of labels and decisions, the positive label first, and what they are called.

    Attributes:
        names: of the positive label and of the other.
        counts: `[label][decision]`.
        caption: the text below.
        counts_decisions: whether a row below says how many of the decisions for a label are right.
    """

    names: tuple[str, str]
    counts: tuple[tuple[float, float], tuple[float, float]]
    caption: str
    counts_decisions: bool = False

    def cell(self, label: int, decision: int) -> dict[str, object]:
        """Return count and share of one cell, and whether its decisions are right."""
        own, total = self.counts[label][decision], sum(self.counts[label])
        share = f"{100 * own / total:.1f} %" if total else ""
        word = CELLS[label][decision]
        return {"count": count_text(own), "share": share, "right": label == decision, "word": word}

    def right(self, decision: int) -> str:
        """Return the share of the decisions for a label that are right."""
        total = sum(row[decision] for row in self.counts)
        return f"{100 * self.counts[decision][decision] / total:.1f} %" if total else ""


@dataclass(frozen=True, eq=False)
class Picture:
    """An image with its caption.

    Attributes:
        image: uint8 `[H, W, 3]`.
        name: its file, or all of its caption; the page shows the last part of a path.
        note: the second line of the caption.
        heat: where a model looks, `[h, w]`, 0 to 1, over the same area; None if not known.
        detail: all that is known of it, where the second line is short for that.
    """

    image: NDArray[np.uint8]
    name: str
    note: str = ""
    heat: NDArray[np.float64] | None = None
    detail: str = ""

    @property
    def alt(self) -> str:
        """Return the alternative text."""
        text = self.detail or self.note
        return f"{self.name}: {text}" if text else self.name

    @property
    def short(self) -> str:
        """Return the name without its folder, if there is a second line."""
        return PurePosixPath(self.name).name if self.note else self.name

    @property
    def source(self) -> str:
        """Return the image as an address."""
        return image_address(self.image)

    @property
    def heat_source(self) -> str:
        """Return the heat map as an address."""
        assert self.heat is not None
        return heat_address(self.heat)

    @property
    def pixelated(self) -> bool:
        """Return whether the image is so small that smoothing would blur it."""
        return bool(max(self.image.shape[:2]) < PIXELATED)


def count_text(count: float) -> str:
    """Return a count, or a mean of counts, with one decimal where it is not whole.

    >>> count_text(12345.0), count_text(2.5)
    ('12,345', '2.5')
    """
    return f"{count:,.0f}" if count == round(count) else f"{count:,.1f}"


def table_heads(columns: Sequence[str], body: Sequence[Sequence[Cell]]) -> list[dict[str, object]]:
    """Return each column's name, and whether it holds numbers."""
    cells_of = zip(*body, strict=True) if body else [()] * len(columns)
    return [
        {"name": name, "numeric": all(isinstance(cell, int | float | None) for cell in cells)}
        for name, cells in zip(columns, cells_of, strict=True)
    ]


def table_cells(body: Sequence[Sequence[Cell]], decimals: int) -> list[list[dict[str, str]]]:
    """Return text, sorting key and address of each cell."""
    return [[_cell(value, decimals) for value in row] for row in body]


def _cell(value: Cell, decimals: int) -> dict[str, str]:
    if isinstance(value, Link):
        return {"key": value.text, "text": value.text, "address": value.address}
    if value is None or value != value:  # NaN
        return {"key": "", "text": "", "address": ""}
    text = str(value)
    if isinstance(value, float):
        text = f"{value:.{decimals}f}"
    elif isinstance(value, int):
        text = f"{value:,}"
    return {"key": str(value), "text": text, "address": ""}
