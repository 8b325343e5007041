"""Rows of a table that are dropped, missing, repeated or excluded, and images it does not name."""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from posixpath import dirname

from imbclf.data.image_files import images_below, is_image
from imbclf.data.reading.choose_files import choose_files
from imbclf.data.reading.find_files import FileFinder
from imbclf.data.reading.found_files import Found
from imbclf.data.reading.label_values import canonical, dropped, is_positive
from imbclf.data.reading.options import ReadingOptions, as_list
from imbclf.data.reading.rows import Rows
from imbclf.utils.text import first_few

UNLISTED = "rest"  # label of images that no row names, beside data.positive


NOT_NAMED = "Images that"  # how the note on them begins


def clean_rows(rows: Rows, found: Found, finder: FileFinder, options: ReadingOptions) -> Rows:
    """Leave out what is to be dropped, missing, repeated or excluded, and add what is unlisted."""
    problems = [*rows.problems]
    named = frozenset(rows.files)
    missing = [bool(file) and gone for file, gone in zip(rows.files, found.missing, strict=True)]
    drop = dropped(rows.values, as_list(options.drop))
    gone = [one and not out for one, out in zip(missing, drop, strict=True)]
    if any(gone) and options.missing == "error":
        problems.append(
            _missing_files([f for f, g in zip(rows.files, gone, strict=True) if g], finder)
        )
        gone = [False] * len(gone)
    reasons = {
        place: "label dropped" if out else "missing"
        for place, (out, away) in enumerate(zip(drop, gone, strict=True))
        if out or away
    }
    for place, reason in reasons.items():
        label = rows.values[place].strip() or "blank"
        rows.account.leave_out([rows.files[place]], reason, label)
    if reasons:
        rows = rows.take([place for place in range(len(rows.files)) if place not in reasons])
    rows, repeated = _without_repeats(rows, options)
    rows = choose_files(rows, options)
    rows = replace(rows, problems=[*problems, *repeated])
    return rows if rows.problems else _with_unlisted(rows, named, options)


def _missing_files(missing: Sequence[str], finder: FileFinder) -> str:
    names = [*dict.fromkeys(missing)]
    files = "1 file is" if len(names) == 1 else f"{len(names):,} files are"
    return (
        f"{files} not in {finder.where}: {first_few(sorted(names))}; leave rows without a file out "
        "with data.missing=skip"
    )


def _without_repeats(rows: Rows, options: ReadingOptions) -> tuple[Rows, list[str]]:
    """Return one row for each file, and a problem where rows of one file are not to be merged."""
    counts = Counter(rows.files)
    counts.pop("", None)
    repeated = [file for file, count in counts.items() if count > 1]
    if not repeated:
        return rows, []
    of_file: defaultdict[str, set[str]] = defaultdict(set)
    again = frozenset(repeated)
    for file, value in zip(rows.files, rows.values, strict=True):
        if file in again:
            of_file[file].add(_code(value, options))
    torn = [file for file in repeated if len(of_file[file]) > 1]
    words = f"{len(repeated):,} files are named twice or more: {first_few(repeated)}"
    if torn:
        words += f"; {len(torn):,} of them with contradicting labels: {first_few(torn)}"
    if options.duplicates == "error":
        return rows, [f"{words}; data.duplicates=first takes the first row of each"]
    rows.account.note(f"{words}; the first row of each was taken")
    first: dict[str, int] = {}
    for place, file in enumerate(rows.files):
        first.setdefault(file, place)
    return rows.take([*first.values()]), []


def _code(value: str, options: ReadingOptions) -> str:
    """Return what two labels of one file must have in common."""
    positive = as_list(options.positive)
    if positive:
        return str(is_positive(value, frozenset(map(canonical, positive))))
    codes = {canonical(key): str(code) for key, code in (options.label_map or {}).items()}
    return codes.get(canonical(value), canonical(value))


def _with_unlisted(rows: Rows, named: frozenset[str], options: ReadingOptions) -> Rows:
    """Add the images that no row names as label 0, or count them as left out."""
    folders = as_list(options.images)
    if str(options.unlisted) == "0":
        inside = bool(folders) and all((rows.root / folder).is_dir() for folder in folders)
        places = [rows.root / folder for folder in folders] if inside else [rows.root]
        more = []
        for place in places:
            head = place.relative_to(rows.root).as_posix()
            prefix = "" if head == "." else f"{head}/"
            more += [f"{prefix}{file}" for file in images_below(place).tolist()]
        more = [file for file in more if file not in named]
        value = UNLISTED if as_list(options.positive) else "0"
        rows.account.note(f"{len(more):,} images that no row names are label 0 (data.unlisted=0)")
        return replace(
            rows,
            files=[*rows.files, *more],
            values=[*rows.values, *[value] * len(more)],
            groups=None if rows.groups is None else [*rows.groups, *more],
            parts=None if rows.parts is None else [*rows.parts, *[""] * len(more)],
            sources=[*rows.sources, *["unlisted"] * len(more)],
            columns={name: [*cells, *[""] * len(more)] for name, cells in rows.columns.items()},
        )
    unlisted = _images_beside(rows, named)
    if unlisted:
        rows.account.note(f"{NOT_NAMED} {rows.source} does not name are ignored: {len(unlisted)}")
        rows.account.leave_out(unlisted, "not named")
    return rows


def _images_beside(rows: Rows, named: frozenset[str]) -> list[str]:
    """Return the images in the folders of the table's files that it does not name."""
    beside = []
    for folder in {dirname(file) for file in named if file}:
        place = rows.root / folder
        if place.is_dir():
            with os.scandir(place) as entries:
                names = [entry.name for entry in entries if is_image(entry.name)]
            beside += [f"{folder}/{name}" if folder else name for name in names]
    return sorted(file for file in beside if file not in named)
