"""Read a data set in any layout into one listing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from imbclf.data.image_files import natural_order
from imbclf.data.listing import Listing
from imbclf.data.parts import count_parts, fits_one_class_alone, part_problems
from imbclf.data.reading.find_labels import find_rows
from imbclf.data.reading.label_rule import Labels
from imbclf.data.reading.label_values import canonical, list_option
from imbclf.data.reading.options import ReadingOptions, as_list
from imbclf.data.reading.part_names import FIT, NAME_OF_TABLE, TEST, part_of_folder
from imbclf.data.reading.rows import Rows
from imbclf.errors import UserError


def list_labelled(root: Path, options: ReadingOptions) -> Listing:
    """List labeled images, in natural order.

    Args:
        root: folder of the data set.
        options: what is an image, and what its label, group and part are.

    Raises:
        UserError: the layout is ambiguous, names, labels and images do not match, or what would
            make an estimate dishonest is undecided; the message lists all problems.
    """
    rows = find_rows(root, options)
    if options.part == "folders":
        rows = _parts_of_folders(rows, options)
    if options.subgroups is not None and not rows.subgroups:
        raise UserError(
            f"data.subgroups={options.subgroups}: {rows.source} has no columns; expected a table"
        )
    labels = Labels(
        [value for value in rows.values if value],
        as_list(options.positive),
        options.label_map,
        options.names or rows.names,
        numbered=rows.numbered,
        seen=rows.seen,
        drop=as_list(options.drop),
        as_in_training=options.as_in_training,
    )
    if options.as_in_training and (rule := _rule_for_labels(options)):
        rows.account.note(f"labels are read as in training: {rule}")
    _stop(rows, [*rows.problems, *labels.problems, *_swapped_names(rows, options)])
    listing = _listing(rows, labels)
    _stop(rows, [*_undecided(listing, options), *part_problems(listing)])
    rows.account.folder = str(root)
    return listing


def _swapped_names(rows: Rows, options: ReadingOptions) -> list[str]:
    """Return a problem if label 0 is called as the column of the labels, whose 1 means yes."""
    column = canonical(rows.account.columns.get("label", ""))
    names = as_list(options.names)
    if options.positive is not None or options.label_map or column not in map(canonical, names[:1]):
        return []
    return [
        f"data.names: label 1 of the column {names[0]} would be called {names[1]}; the first name "
        f"is that of label 0, the second that of label 1: {list_option('names', reversed(names))}"
    ]


def _rule_for_labels(options: ReadingOptions) -> str:
    """Return the options that turn labels as written into 0 and 1, as one would write them."""
    rule = [f"data.label_map={dict(options.label_map)}"] if options.label_map else []
    for name, values in (("positive", options.positive), ("drop", options.drop)):
        if values is not None:
            rule.append(list_option(name, as_list(values)))
    return " ".join(rule)


def _stop(rows: Rows, problems: Sequence[str]) -> None:
    if problems:
        said = [f"({line})" for line in rows.account.lines()[:10]]
        raise UserError("\n  ".join([f"{rows.source} cannot be used:", *problems, *said]))


def _listing(rows: Rows, labels: Labels) -> Listing:
    if rows.parts is not None and {*rows.parts} <= {"", FIT}:
        rows = replace(rows, parts=None)
    rows = rows.take(natural_order(rows.files).tolist())
    return Listing(
        root=rows.root,
        files=np.array(rows.files),
        labels=labels.encode(rows.values),
        groups=None if rows.groups is None else np.array(rows.groups),
        label_names=labels.names,
        parts=None if rows.parts is None else np.array(rows.parts),
        columns={name: np.array(cells) for name, cells in rows.columns.items()},
        subgroups=rows.subgroups,
        sources=np.array(rows.sources),
        account=rows.account,
    )


def _parts_of_folders(rows: Rows, options: ReadingOptions) -> Rows:
    """Return rows whose parts are the folders called like parts in their paths."""
    if rows.parts is not None:
        return rows
    tests = as_list(options.test)
    parts = [_part_in(file, tests) for file in rows.files]
    if not any(parts):
        raise UserError(
            f"data.part=folders: no folder in {rows.source} is called like a part (train, test)"
        )
    rows.account.columns["part"] = "folders"
    return replace(rows, parts=parts)


def _part_in(file: str, tests: Sequence[str]) -> str:
    for folder in file.split("/")[:-1]:
        if part := part_of_folder(folder, tests):
            return part
    return ""


def _undecided(listing: Listing, options: ReadingOptions) -> list[str]:
    """Return what would be trained on unlike what the user may mean, and is not stated."""
    if options.part is not None or listing.parts is None or not fits_one_class_alone(listing):
        return []
    counts = count_parts(listing)
    only = listing.label_names[int(np.argmax(counts[FIT]))]
    stated = listing.account.columns.get("part", "folders")
    stated = "folders" if stated == NAME_OF_TABLE else stated
    return [
        f"the images to train on are of label {only} alone ({sum(counts[FIT]):,} images), those to "
        f"test are of both labels ({sum(counts[TEST]):,}). data.part=none pools all images and "
        f"divides them anew; data.part={stated} keeps the parts, for heads that are fitted to one "
        "class (experiment=one_class): each image of the test part is then tested in one fold and "
        "used in the others to choose the threshold"
    ]
