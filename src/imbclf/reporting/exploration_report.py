"""The page of an exploration."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from imbclf.data.exploration.color_statistics import IMAGENET_DEVIATION, IMAGENET_MEAN
from imbclf.data.exploration.duplicates import Duplicates
from imbclf.data.exploration.facts import file_traits
from imbclf.data.exploration.findings import findings, fold_findings
from imbclf.data.exploration.result import Exploration
from imbclf.data.listing import Listing
from imbclf.reporting.html_page import Page

SAMPLES = 24  # images shown of each label
SHOWN = 24  # pairs shown of each kind
ROWS = 50  # rows of a table of files
SIDE = 96  # pixels, at most, of an image that is shown


def exploration_page(found: Exploration, seed: int) -> Page:
    """Lay out what was found.

    Args:
        found: the exploration.
        seed: of the choice of sample images.
    """
    page = Page(f"Exploration of {found.listing.root}")
    counts = np.bincount(found.labels, minlength=2)
    page.headline("Imbalance", f"1 to {counts.max() / counts.min():.1f}", "")
    for finding in findings(found):
        page.paragraph(finding)
    _add_files(page, found)
    _add_colors(page, found)
    _add_samples(page, found, seed)
    _add_duplicates(page, found)
    page.heading("What it means for the folds")
    for line in fold_findings(found):
        page.paragraph(line)
    page.paragraph(f"Looked at in {found.seconds:.0f} seconds.", note=True)
    return page


def _add_files(page: Page, found: Exploration) -> None:
    page.heading("Files")
    zero, one = found.listing.label_names
    traits = file_traits(found)
    rows = [
        (name, row.value, row.zeros + row.ones, row.zeros, row.ones)
        for name in traits
        for row in traits[name][:ROWS]
    ]
    columns = ["Property", "Value", "Images", f"Label {zero}", f"Label {one}"]
    page.table(columns, rows, "Formats, modes and sizes (height x width, pixels) in the files.")
    if found.unreadable:
        page.table(
            ["File"], [[file] for file in found.unreadable[:ROWS]], "Images that cannot be read."
        )


def _add_colors(page: Page, found: Exploration) -> None:
    page.heading("Colors")
    rows = zip(
        ("red", "green", "blue"),
        found.colors.mean.tolist(),
        found.colors.deviation.tolist(),
        IMAGENET_MEAN,
        IMAGENET_DEVIATION,
        strict=True,
    )
    columns = ["Channel", "Mean", "Deviation", "ImageNet mean", "ImageNet deviation"]
    height, width = found.pixels.shape[1:3]
    size = f"{height} x {width} pixels" + (", to which they were resized" if found.resized else "")
    page.table(columns, rows, f"Over all pixels, 0 is black and 1 is full; images of {size}.", 3)
    zero, one = found.listing.label_names
    means = found.colors.class_means
    difference = (means[0] - means[1]).mean(axis=-1)
    page.figures(
        [
            (_picture(means[0]), f"Mean image of label {zero}", f"Mean image of label {zero}."),
            (_picture(means[1]), f"Mean image of label {one}", f"Mean image of label {one}."),
            (
                _heat(difference),
                f"Brightness of the mean image of label {zero} minus that of label {one}",
                f"Mean of label {zero} minus mean of label {one}, brightness, full scale is 1. "
                f"Red: label {zero} is brighter.",
            ),
        ]
    )


def _add_samples(page: Page, found: Exploration, seed: int) -> None:
    random = np.random.default_rng(seed)
    for label, name in enumerate(found.listing.label_names):
        page.heading(f"Images of label {name}")
        rows = np.flatnonzero(found.labels == label)
        chosen = np.sort(random.choice(rows, min(SAMPLES, len(rows)), replace=False))
        files = found.listing.files[chosen].tolist()
        page.gallery([_shown(found.pixels[row]) for row in chosen], files)


def _add_duplicates(page: Page, found: Exploration) -> None:
    page.heading("Duplicates")
    contradictions, exact = found.contradictions, found.pairs.exact
    kinds = (("Exact", exact), ("Near", ~exact))
    rows: list[tuple[str, int, int | None]] = [
        (name, int((kind & ~contradictions).sum()), int((kind & contradictions).sum()))
        for name, kind in kinds
    ]
    caption = (
        "Pairs of images that show the same picture, and whether they have one label. Exact: the "
        "same pixels; each copy is paired with the first. Near: brighter, darker, recompressed, "
        "or cut out of the other (86 % of its height and width or more). Of images without detail, "
        "such as clear sky, only exact copies can be told."
    )
    page.table(["Kind", "Same label", "Contradicting labels"], rows, caption)
    columns = ["Contradicting labels", "Near duplicates", "Exact duplicates"]
    choices = (contradictions, ~exact & ~contradictions, exact & ~contradictions)
    for title, choice in zip(columns, choices, strict=True):
        _add_pairs(page, title, found, found.pairs.take(choice), found.listing, found.pixels, 0)
    if found.test_pairs is None or found.test_listing is None or found.test_pixels is None:
        return
    title = f"Duplicates of images in {found.test_listing.root}"
    shift = len(found.listing)
    _add_pairs(page, title, found, found.test_pairs, found.test_listing, found.test_pixels, shift)


def _add_pairs(
    page: Page,
    title: str,
    found: Exploration,
    pairs: Duplicates,
    others: Listing,
    other_pixels: NDArray[np.uint8],
    shift: int,
) -> None:
    """Show pairs, the least alike first, since among those are the doubtful."""
    if not len(pairs):
        return
    page.heading(f"{title}: {len(pairs):,} pairs")
    if len(pairs) > SHOWN:
        page.paragraph(f"The {SHOWN} least alike; near_duplicates.csv has all.", note=True)
    images, captions = [], []
    for index in np.argsort(pairs.similarity, kind="stable")[:SHOWN].tolist():
        row, other = int(pairs.first[index]), int(pairs.second[index]) - shift
        images.append(_stacked([_shown(found.pixels[row]), _shown(other_pixels[other])]))
        captions.append(f"{_named(found.listing, row)} and {_named(others, other)}")
    page.gallery(images, captions)


def _named(listing: Listing, row: int) -> str:
    file = str(listing.files[row])
    if listing.labels is None:
        return file
    return f"{file} (label {listing.label_names[int(listing.labels[row])]})"


def _shown(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    picture = Image.fromarray(image)
    picture.thumbnail((SIDE, SIDE))
    return np.asarray(picture)


def _stacked(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    gap = np.full((2, images[0].shape[1], 3), 255, np.uint8)
    return np.concatenate([images[0], gap, images[1]])


def _picture(mean: NDArray[np.float64]) -> Figure:
    figure = Figure(figsize=(3, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(mean, vmin=0, vmax=1)
    axes.set_axis_off()
    return figure


def _heat(difference: NDArray[np.float64]) -> Figure:
    figure = Figure(figsize=(3.6, 3), layout="constrained")
    axes = figure.add_subplot()
    limit = max(float(np.abs(difference).max()), 1e-3)
    image = axes.imshow(difference, cmap="RdBu_r", vmin=-limit, vmax=limit)
    axes.set_axis_off()
    figure.colorbar(image, ax=axes, label="difference of brightness (0 to 1)")
    return figure
