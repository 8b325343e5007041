"""What an exploration means, in plain words."""

from imbclf.data.exploration.explore import Exploration, facts, file_traits
from imbclf.data.image_headers import leaky_traits
from imbclf.utils.text import first_few


def findings(found: Exploration) -> list[str]:
    """Return what matters most, a sentence or two each."""
    told = facts(found)
    counts, names = told["class_counts"], told["label_names"]
    shares = [
        f"{count:,} of label {name} ({count / len(found.listing):.1%})"
        for count, name in zip(counts, names, strict=True)
    ]
    lines = [
        f"{len(found.listing):,} images: {' and '.join(shares)}, "
        f"1 to {told['imbalance_ratio']:.1f}."
    ]
    if found.unreadable:
        count, few = len(found.unreadable), first_few(found.unreadable)
        lines.append(f"Images that cannot be read: {count:,} ({few}).")
    if len(told["sizes"]) > 1:
        lines.append(
            f"The images have {len(told['sizes']):,} sizes; training needs one, for example "
            "data.image_size=64."
        )
    for name, rows in file_traits(found).items():
        if clues := [row for row in leaky_traits(rows) if len(rows) > 1][:1]:
            clue = clues[0]
            lines.append(
                f"{name} {clue.value}: {clue.zeros / counts[0]:.0%} of label {names[0]}, "
                f"{clue.ones / counts[1]:.0%} of label {names[1]}. A network may learn that "
                "instead of what the images show."
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
            f"{wrong:,} of these pairs have contradicting labels: look at them, one label of each "
            "may be wrong."
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
        f"{shared:,} {of_all} have a duplicate among the images: what a model is said to do on "
        "them says little about new images."
    ]


def fold_findings(found: Exploration) -> list[str]:
    """Return what the duplicates mean for the folds."""
    if not len(found.pairs):
        return ["Images may be divided into folds one by one."]
    if found.folds is None:
        return []
    folds = found.folds
    share = folds.affected_images / len(found.listing)
    lines = [
        f"{folds.folds} folds drawn at random tear {folds.split_pairs:,} of {len(found.pairs):,} pairs: "
        f"{folds.affected_images:,} images ({share:.2%}) would be tested by a network that has seen their "
        "duplicate, and the HTER would come out too good."
    ]
    if found.folds.split_pairs_with_groups is None:
        lines.append("write_groups=true writes a table of groups that keeps duplicates together.")
    else:
        lines.append(
            f"With the groups of groups.csv they tear {found.folds.split_pairs_with_groups:,} of them."
        )
    return lines
