"""What was measured as a table in Markdown, under the machine that it was measured on."""

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median

import torch

LIBRARIES = ("imbclf", "torch", "torchvision", "lightning", "mlflow", "numpy", "pillow")


@dataclass(frozen=True)
class Spread:
    """The middle of repeated measurements, and how far they lie apart.

    >>> str(spread([3.0, 1.0, 2.0]))
    '2.000 (1.000 to 3.000)'
    """

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        digits = 3 if self.median < 10 else 1
        middle, least, most = (
            f"{value:,.{digits}f}" for value in (self.median, self.least, self.most)
        )
        return middle if least == most else f"{middle} ({least} to {most})"


def spread(values: Sequence[float]) -> Spread:
    """Return the median, the least and the most of at least one value; NaN if one of them is."""
    if any(math.isnan(value) for value in values):
        return Spread(math.nan, math.nan, math.nan)
    return Spread(median(values), min(values), max(values))


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Divide what was measured in the same repetition: what slows both leaves the ratio alone.

    >>> ratios([2.0, 6.0], [1.0, 2.0])
    [2.0, 3.0]
    """
    return [one / other for one, other in zip(above, below, strict=True)]


@dataclass
class Table:
    """Rows of text under a title, and remarks below them.

    >>> table = Table("Sizes", ("what", "MB"))
    >>> table.rows.append(("cache", "12"))
    >>> print(table.markdown())
    ## Sizes
    <BLANKLINE>
    | what | MB |
    |---|---|
    | cache | 12 |
    <BLANKLINE>
    """

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        """Return the whole as Markdown."""
        lines = [f"## {self.title}", ""]
        cells = [self.columns, ["---"] * len(self.columns), *self.rows]
        lines += ["| " + " | ".join(row) + " |" for row in cells]
        lines[3] = lines[3].replace(" ", "")
        return "\n".join([*lines, *(f"\n{note}" for note in self.notes), ""])


def compare(
    table: Table,
    seconds: dict[str, list[float]],
    images: int,
    against: Sequence[str],
) -> None:
    """Add a row for each thing measured: seconds, images a second, and its rate against others.

    Args:
        table: with the columns of `compared`.
        seconds: by name, one number a repetition.
        images: done in those seconds.
        against: the names that rates are divided by.
    """
    for name, own in seconds.items():
        rate = spread([images / value for value in own]).median
        others = [str(spread(ratios(seconds[other], own))) for other in against]
        table.rows.append((name, str(spread(own)), f"{rate:,.0f}", *others))


def compared(against: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of `compare`."""
    return ("", "seconds", "images/s", *(f"rate / {other}" for other in against))


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine(device: torch.device) -> str:
    """Return what all this was measured on, in Markdown."""
    chip = _processor()
    if device.type == "cuda":
        chip = f"{torch.cuda.get_device_name(device)}, {chip}"
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{cores()} cores, {torch.get_num_threads()} threads, {chip}; load before: {load}\n\n"
        f"Python {platform.python_version()}, {libraries}\n"
    )


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
