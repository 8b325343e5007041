"""Read a data set in any layout into one listing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from imbclf.data.image_files import natural_order
from imbclf.data.listing import Listing
from imbclf.data.reading.find_labels import find_rows
from imbclf.data.reading.label_values import Labels
from imbclf.data.reading.options import ReadingOptions, as_list
from imbclf.data.reading.part_names import DEV, FIT, TEST, part_of_folder
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
    )
    problems = [*rows.problems, *labels.problems]
    if not problems:
        problems = _part_problems(rows, labels)
    if problems:
        said = [f"({line})" for line in rows.account.lines()[:10]]
        raise UserError("\n  ".join([f"{rows.source} cannot be used:", *problems, *said]))
    if rows.parts is not None and {*rows.parts} <= {"", FIT}:
        rows = replace(rows, parts=None)
    rows = rows.take(natural_order(rows.files).tolist())
    rows.account.folder = str(root)
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


def _part_problems(rows: Rows, labels: Labels) -> list[str]:
    """Return a problem where a part lacks a class, or a group lies in two parts."""
    if rows.parts is None:
        return []
    counts: dict[str, list[int]] = {}
    for part, value in zip(rows.parts, rows.values, strict=True):
        # As the one who divided them would: what is in no part may be trained on.
        counts.setdefault(part or FIT, [0, 0])[labels.codes[value]] += 1
    zero, one = labels.names
    problems = [
        f"the part {part} has {found[0]:,} images of label {zero} and {found[1]:,} of label {one}; "
        "both classes are needed. data.part=none pools all images and divides them anew"
        for part, found in counts.items()
        if not min(found) and not (part == FIT and TEST in counts and DEV in counts)
    ]
    if rows.groups is not None:
        of_group: dict[str, set[str]] = {}
        for group, part in zip(rows.groups, rows.parts, strict=True):
            of_group.setdefault(group, set()).add(part or FIT)
        torn = [group for group, parts in of_group.items() if len(parts) > 1]
        if torn:
            problems.append(
                f"{len(torn):,} groups lie in more than one part, as {torn[0]} does; "
                "data.part=none divides the images anew, and keeps groups together"
            )
    return problems
