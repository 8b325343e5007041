"""The page of an exploration."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from imbclf.data.exploration.color_statistics import IMAGENET_DEVIATION, IMAGENET_MEAN
from imbclf.data.exploration.extra_columns import column_facts
from imbclf.data.exploration.facts import file_traits
from imbclf.data.exploration.findings import findings, fold_findings
from imbclf.data.exploration.result import Exploration
from imbclf.reporting.duplicate_galleries import SIDE, add_duplicates
from imbclf.reporting.embedded_images import thumbnail
from imbclf.reporting.html_page import Page

SAMPLES = 24  # images shown of each label
ROWS = 50  # rows of a table of files
TRAITS = 12  # rows of each property of files


def exploration_page(found: Exploration, seed: int) -> Page:
    """Return the page of an exploration.

    Args:
        found: the exploration.
        seed: of the choice of sample images.
    """
    page = Page(f"Exploration of {found.listing.root}")
    counts = np.bincount(found.labels, minlength=2)
    rare = found.listing.label_names[int(counts.argmin())]
    share = f"{100 * counts.min() / counts.sum():.1f} %"
    ratio = f"1 to {counts.max() / counts.min():.1f}"
    page.headline(f"{counts.sum():,} images,", share, f"of them of label {rare} ({ratio})")
    for finding in findings(found)[1:]:  # the first is the headline
        page.paragraph(finding)
    _add_samples(page, found, seed)
    add_duplicates(page, found)
    _add_columns(page, found)
    _add_files(page, found)
    _add_colors(page, found)
    page.heading("What it means for the folds")
    for line in fold_findings(found):
        page.paragraph(line)
    page.paragraph(f"This exploration took {found.seconds:.0f} seconds.", note=True)
    return page


def _add_files(page: Page, found: Exploration) -> None:
    page.heading("Files")
    zero, one = found.listing.label_names
    rows = [
        (name, row.value, row.zeros + row.ones, row.zeros, row.ones)
        for name, traits in file_traits(found).items()
        for row in traits[:TRAITS]
    ]
    columns = ["Property", "Value", "Images", f"Label {zero}", f"Label {one}"]
    left_out = any(len(traits) > TRAITS for traits in file_traits(found).values())
    more = f" The {TRAITS} most frequent of each; explore.json has all." if left_out else ""
    caption = f"Formats, modes and sizes (height x width, pixels) in the files.{more}"
    page.table(columns, rows, caption)
    if found.unreadable:
        unreadable = [[file] for file in found.unreadable[:ROWS]]
        page.table(["File"], unreadable, "Images that cannot be read.")
    if len(found.blank):
        blank = [[str(file)] for file in found.listing.files[found.blank[:ROWS]]]
        page.table(["File"], blank, "Images that show nothing: all black, all white, one color.")


def _add_columns(page: Page, found: Exploration) -> None:
    """Add each further column of the table of labels, crossed with the label."""
    zero, one = found.listing.label_names
    for name, column in column_facts(found.columns, found.labels).items():
        page.heading(f"{name} by label")
        rows = [
            (row["value"], row["label_0"] + row["label_1"], row["label_0"], row["label_1"])
            for row in column["rows"]
        ]
        listed = f"the {len(rows)} most frequent of " if len(rows) < column["values"] else ""
        caption = (
            f"Images of each label by {name}; {listed}{column['values']:,} values. If the shares "
            "of the labels differ, a network may learn the value instead of the content."
        )
        page.table([name, "Images", f"Label {zero}", f"Label {one}"], rows, caption)


def _add_colors(page: Page, found: Exploration) -> None:
    page.heading("Brightness" if found.colors.gray else "Colors")
    names: tuple[str, ...]
    if found.colors.gray:
        names, columns = ("gray",), ["Channel", "Mean", "Deviation"]
    else:
        names = ("red", "green", "blue")
        columns = ["Channel", "Mean", "Deviation", "ImageNet mean", "ImageNet deviation"]
    values = (found.colors.mean, found.colors.deviation, IMAGENET_MEAN, IMAGENET_DEVIATION)
    rows: list[list[str | float]] = [
        [name, *(float(column[row]) for column in values[: len(columns) - 1])]
        for row, name in enumerate(names)
    ]
    height, width = found.pixels.shape[1:3]
    size = f"{height} x {width} pixels" + (", to which they were resized" if found.resized else "")
    page.table(columns, rows, f"Over all pixels, 0 is black and 1 is full; images of {size}.", 3)
    zero, one = found.listing.label_names
    means = found.colors.class_means
    page.gallery(
        [thumbnail((255 * mean).round().astype(np.uint8), SIDE) for mean in means],
        [f"Mean image of label {name}" for name in (zero, one)],
        width=10,
    )
    difference = (
        _draw_difference((means[0] - means[1]).mean(axis=-1)),
        f"Brightness of the mean image of label {zero} minus that of label {one}",
        f"Mean of label {zero} minus mean of label {one}, brightness, full scale is 1. "
        f"Red: label {zero} is brighter.",
    )
    page.figures([difference])


def _add_samples(page: Page, found: Exploration, seed: int) -> None:
    random = np.random.default_rng(seed)
    page.heading("Images of each label")
    for label, name in enumerate(found.listing.label_names):
        page.subheading(f"Label {name}")
        rows = np.flatnonzero(found.labels == label)
        chosen = np.sort(random.choice(rows, min(SAMPLES, len(rows)), replace=False))
        files = found.listing.files[chosen].tolist()
        page.gallery([thumbnail(found.pixels[row], SIDE) for row in chosen], files)


def _draw_difference(difference: NDArray[np.float64]) -> Figure:
    figure = Figure(figsize=(3.6, 3), layout="constrained")
    axes = figure.add_subplot()
    limit = max(float(np.abs(difference).max()), 1e-3)
    image = axes.imshow(difference, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes.set_axis_off()
    figure.colorbar(image, ax=axes, label="difference of brightness (0 to 1)")
    return figure
