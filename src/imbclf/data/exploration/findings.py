"""The findings of an exploration as sentences."""

import numpy as np

from imbclf.data.exploration.extra_columns import VALUES, telling_value
from imbclf.data.exploration.facts import facts, file_traits
from imbclf.data.exploration.result import Exploration
from imbclf.data.header import pages_in_words
from imbclf.data.image_headers import leaky_traits
from imbclf.utils.text import first_few


def findings(found: Exploration) -> list[str]:
    """Return the most important findings, one or two sentences each."""
    numbers = facts(found)
    counts, names = numbers["class_counts"], numbers["label_names"]
    shares = [
        f"{count:,} of label {name} ({count / len(found.listing):.1%})"
        for count, name in zip(counts, names, strict=True)
    ]
    lines = [
        f"{len(found.listing):,} images: {' and '.join(shares)}, "
        f"1 to {numbers['imbalance_ratio']:.1f}."
    ]
    if found.unreadable:
        count, few = len(found.unreadable), first_few(found.unreadable)
        lines.append(f"Images that cannot be read: {count:,} ({few}).")
    if several := [header.pages for header in found.headers if header.pages > 1]:
        lines.append(pages_in_words(len(several), max(several)))
    if len(numbers["sizes"]) > 1:
        height, width = numbers["looked_at"]["height_width"]
        side = f"{height}" if height == width else f"[{height},{width}]"
        lines.append(
            f"The images have {len(numbers['sizes']):,} sizes and were looked at in one; training "
            f"needs one, too: data.image_size={side}, say."
        )
    if len(found.blank):
        lines.append(
            f"Images that show nothing (all black, all white, one color): {len(found.blank):,} "
            f"({first_few(numbers['blank_images'])})."
        )
    return [*lines, *_clues(found), *_duplicates(found), *_test(found), *fold_findings(found)]


def _clues(found: Exploration) -> list[str]:
    """Return what could tell the label apart from the content of the images."""
    kinds = file_traits(found)
    clues = [
        (name, row)
        for name, rows in kinds.items()
        for row in [row for row in leaky_traits(rows) if len(rows) > 1][:1]
    ]
    for name, values in found.columns.items():
        if len(set(values)) <= VALUES and (row := telling_value(values, found.labels)):
            clues.append((name, row))
    counts, names = np.bincount(found.labels, minlength=2).tolist(), found.listing.label_names
    return [
        f"{name} {row.value}: {row.zeros / counts[0]:.0%} of label {names[0]}, "
        f"{row.ones / counts[1]:.0%} of label {names[1]}. A network may learn this "
        "instead of the content of the images."
        for name, row in clues
    ]


def _duplicates(found: Exploration) -> list[str]:
    exact = found.pairs.exact
    if not len(found.pairs):
        return ["No duplicates among the images."]
    lines = [
        f"{exact.sum():,} exact duplicates and {(~exact).sum():,} look-alikes (pairs) among the "
        f"images; the largest group of them holds {found.largest_group:,} images."
    ]
    if wrong := int((found.contradictions & exact).sum()):
        lines.append(
            f"{wrong:,} of the exact duplicates have contradicting labels: one label of each pair "
            "is wrong."
        )
    if wrong := int((found.contradictions & ~exact).sum()):
        lines.append(
            f"{wrong:,} of the look-alikes have different labels: explore.html shows them; they "
            "may be two pictures of one object, or two objects that look alike."
        )
    if found.one_group_is_large:
        lines.append(
            f"{found.largest_group / len(found.listing):.0%} of the images look alike in one "
            "group. Look at some pairs in explore.html: if they are not of the same object, "
            f"raise likeness={found.likeness:g}."
        )
    return lines


def _test(found: Exploration) -> list[str]:
    if found.test_pairs is None or found.test_listing is None:
        return []
    shared = facts(found)["test"]["duplicates"]
    of_all = f"of the {len(found.test_listing):,} images in {found.test_listing.root}"
    if not shared:
        return [f"None {of_all} has a duplicate or look-alike among the images."]
    return [
        f"{shared:,} {of_all} have a duplicate or look-alike among the images: error rates on "
        "them say little about new images."
    ]


def fold_findings(found: Exploration) -> list[str]:
    """Return what the duplicates mean for cross-validation."""
    groups = found.listing.groups
    if not len(found.pairs) and groups is not None:
        return [
            f"Folds keep the {len(np.unique(groups)):,} groups of these images together; without "
            "duplicates they need no others."
        ]
    if not len(found.pairs):
        return ["There are no duplicates that folds would have to keep together."]
    if found.folds is None:
        return []
    folds = found.folds
    share = folds.affected_images / len(found.listing)
    lines = [
        f"With {folds.folds} random folds, {folds.split_pairs:,} of these {len(found.pairs):,} "
        f"pairs are split across parts: {folds.affected_images:,} images ({share:.2%}) would be "
        "tested by a network trained on an image like them. As far as these are the same picture "
        "or object, the HTER would be too optimistic."
    ]
    if folds.split_pairs_with_groups is None:
        lines.append("write_groups=true writes a table of groups that keeps these pairs together.")
    else:
        lines.append(
            f"With the groups of groups.csv, {folds.split_pairs_with_groups:,} of them are split."
        )
    return lines
