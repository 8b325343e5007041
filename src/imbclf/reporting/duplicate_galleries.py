"""Duplicates in the page of an exploration: a table of their kinds, and galleries of pairs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imbclf.data.exploration.duplicates import Duplicates
from imbclf.data.exploration.result import Exploration
from imbclf.data.listing import Listing
from imbclf.reporting.embedded_images import thumbnail
from imbclf.reporting.html_page import Page

SHOWN = 24  # pairs shown of each kind
SIDE = 96  # pixels, at most, of an image that is shown


@dataclass(frozen=True, eq=False)
class _Images:
    listing: Listing
    pixels: NDArray[np.uint8]

    def shown(self, row: int) -> NDArray[np.uint8]:
        return thumbnail(self.pixels[row], SIDE)

    def caption(self, row: int) -> str:
        file = str(self.listing.files[row])
        if self.listing.labels is None:
            return file
        return f"{file} (label {self.listing.label_names[int(self.listing.labels[row])]})"


def add_duplicates(page: Page, found: Exploration) -> None:
    """Add the counts of all kinds of duplicates and, of each kind, pairs of images."""
    page.heading("Duplicates and look-alikes")
    contradicting, exact = found.contradictions, found.pairs.exact
    rows = [
        (name, int((kind & ~contradicting).sum()), int((kind & contradicting).sum()))
        for name, kind in (("Exact duplicates", exact), ("Look-alikes", ~exact))
    ]
    caption = (
        "Pairs of images. Exact duplicates have the same pixels; each copy is paired with the "
        "first. Look-alikes agree, one perhaps brighter, darker, recompressed or cut out of the "
        "other (86 % of its height and width or more), also when all that is common in this set is "
        f"left out: likeness {found.likeness:g} or more, where 1 is an exact copy. They may be one "
        "picture, two pictures of one object, or two objects: the lower the likeness, the less "
        "certain. Of images without detail, such as clear sky, only exact copies can be "
        "recognized."
    )
    if found.largest_group:
        share = found.largest_group / len(found.listing)
        caption += f" The largest group holds {found.largest_group:,} images ({share:.1%})."
    page.table(["Kind", "Same label", "Different labels"], rows, caption)
    images = _Images(found.listing, found.pixels)
    for title, choice in (
        ("Exact duplicates with contradicting labels", exact & contradicting),
        ("Look-alikes with different labels", ~exact & contradicting),
        ("Look-alikes of one label", ~exact & ~contradicting),
        ("Exact duplicates of one label", exact & ~contradicting),
    ):
        _add_pairs(page, title, found.pairs.take(choice), images, images)
    if found.test_pairs is None or found.test_listing is None or found.test_pixels is None:
        return
    title = f"Duplicates and look-alikes of images in {found.test_listing.root}"
    others = _Images(found.test_listing, found.test_pixels)
    _add_pairs(page, title, found.test_pairs, images, others, shift=len(found.listing))


def _add_pairs(
    page: Page, title: str, pairs: Duplicates, images: _Images, others: _Images, shift: int = 0
) -> None:
    """Add pairs, the least similar first, since among those are the least certain."""
    if not len(pairs):
        return
    page.subheading(f"{title}: {len(pairs):,} pairs")
    if len(pairs) > SHOWN:
        page.paragraph(f"The {SHOWN} least similar; near_duplicates.csv has all.", note=True)
    shown, captions = [], []
    for index in np.argsort(pairs.similarity, kind="stable")[:SHOWN].tolist():
        row, other = int(pairs.first[index]), int(pairs.second[index]) - shift
        shown.append(_stacked(images.shown(row), others.shown(other)))
        likeness = f"likeness {pairs.similarity[index]:.2f}"
        captions.append(f"{images.caption(row)} and {others.caption(other)}, {likeness}")
    page.gallery(shown, captions)


def _stacked(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> NDArray[np.uint8]:
    gap = np.full((2, upper.shape[1], 3), 255, np.uint8)
    return np.concatenate([upper, gap, lower])
