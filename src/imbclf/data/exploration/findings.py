"""The findings of an exploration as sentences."""

from imbclf.data.exploration.facts import facts, file_traits
from imbclf.data.exploration.result import Exploration
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
        lines.append(
            f"Files of several pages or frames, up to {max(several):,}: {len(several):,}. Only the "
            "first of each is used."
        )
    if len(numbers["sizes"]) > 1:
        lines.append(
            f"The images have {len(numbers['sizes']):,} sizes; training needs one, for example "
            "data.image_size=64."
        )
    for name, rows in file_traits(found).items():
        if clues := [row for row in leaky_traits(rows) if len(rows) > 1][:1]:
            clue = clues[0]
            lines.append(
                f"{name} {clue.value}: {clue.zeros / counts[0]:.0%} of label {names[0]}, "
                f"{clue.ones / counts[1]:.0%} of label {names[1]}. A network may learn this "
                "instead of the content of the images."
            )
    return [*lines, *_duplicates(found), *_test(found), *fold_findings(found)]


def _duplicates(found: Exploration) -> list[str]:
    exact = int(found.pairs.exact.sum())
    near = len(found.pairs) - exact
    if not len(found.pairs):
        return ["No duplicates among the images."]
    lines = [f"{exact:,} exact and {near:,} near duplicates (pairs) among the images."]
    if wrong := int(found.contradictions.sum()):
        lines.append(
            f"{wrong:,} of these pairs have contradicting labels: one label of each pair may be "
            "wrong."
        )
    return lines


def _test(found: Exploration) -> list[str]:
    if found.test_pairs is None or found.test_listing is None:
        return []
    shared = facts(found)["test"]["duplicates"]
    of_all = f"of the {len(found.test_listing):,} images in {found.test_listing.root}"
    if not shared:
        return [f"None {of_all} has a duplicate among the images."]
    return [
        f"{shared:,} {of_all} have a duplicate among the images: error rates on them say little "
        "about new images."
    ]


def fold_findings(found: Exploration) -> list[str]:
    """Return what the duplicates mean for cross-validation."""
    if not len(found.pairs):
        return ["Folds need no groups."]
    if found.folds is None:
        return []
    folds = found.folds
    share = folds.affected_images / len(found.listing)
    lines = [
        f"With {folds.folds} random folds, {folds.split_pairs:,} of {len(found.pairs):,} duplicate "
        f"pairs are split across parts: {folds.affected_images:,} images ({share:.2%}) would be "
        "tested by a network trained on their duplicate, and the HTER would be too optimistic."
    ]
    if folds.split_pairs_with_groups is None:
        lines.append("write_groups=true writes a table of groups that keeps duplicates together.")
    else:
        lines.append(
            f"With the groups of groups.csv, {folds.split_pairs_with_groups:,} of them are split."
        )
    return lines
