"""Columns and folders that say which images belong together, such as those of one patient."""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from imbclf.data.reading.column_names import plain, words
from imbclf.data.reading.label_values import canonical

# Things of which one has several images; see also `_ID_WORDS`.
# fmt: off
ENTITIES = frozenset((
    "patient", "subject", "case", "lesion", "slide", "study", "person", "participant", "animal",
    "individual", "donor", "identity", "specimen", "sample", "scan", "series", "exam",
    "examination", "visit", "plant", "tree", "wafer", "lot", "batch", "board", "panel",
    "module", "session", "video", "clip", "sequence", "scene", "mouse", "nest", "transect",
    "burst", "track", "client", "family", "wsi", "biopsy", "proband", "encounter", "accession",
))
# fmt: on
# fmt: off
_ID_WORDS = frozenset((
    "id", "ids", "no", "nr", "num", "number", "name", "key", "code", "uid", "uuid", "guid",
    "index", "hash", "instance",
))
# fmt: on
_ID_ALONE = frozenset({"id", "pid", "mrn", "uid", "uuid", "guid"})
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*")
_NUMBER = re.compile(r"[-+]?\d+")
_DECIMAL = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?")


class Identity(NamedTuple):
    """A column whose values repeat over images as those of an identity do.

    Attributes:
        name: of the column.
        values: number of distinct values.
        rows: number of rows that have one.
    """

    name: str
    values: int
    rows: int


def find_identities(columns: Mapping[str, Sequence[str]], labels: Sequence[str]) -> list[Identity]:
    """Return the columns that say which images belong together: by their name, or by their values.

    By name: patient, subject, lesion, ... alone or with id, number, name; and some value repeats.
    By values: many words, each on a few images; or any values whose images stand together and have
    one label, far more often than chance would have it.

    Args:
        columns: cells `[R]` by name.
        labels: `[R]`, as written.

    >>> rows = {"patient_id": ["a", "a", "b", "c"], "sex": ["f", "f", "m", "f"]}
    >>> find_identities(rows, ["0", "0", "1", "0"])
    [Identity(name='patient_id', values=3, rows=4)]
    """
    found = []
    for name, cells in columns.items():
        stripped = [cell.strip() for cell in cells]
        counts = Counter(cell for cell in stripped if cell)
        if len(counts) < 3 or max(counts.values()) < 2:
            continue
        by_values = _repeats(counts) and (
            _few_words_each(name, counts) or _goes_with_label(stripped, labels)
        )
        if by_values or is_identity_name(name):
            found.append(Identity(name, len(counts), counts.total()))
    return found


def folders_are_identities(folders: Sequence[str]) -> bool:
    """Return whether the folders of images look like one for each patient, or the like.

    By the name of a folder (patient007), or by many folders of a few images each; folders named by
    one to three digits of a hash only part a large set.

    >>> folders_are_identities(["patient1", "patient1", "patient2"])
    True
    """
    counts = Counter(folder for folder in folders if folder)
    if len(counts) < 2 or max(counts.values()) < 2:
        return False
    lasts = [folder.rpartition("/")[2] for folder in counts]
    if all(re.fullmatch("[0-9a-f]{1,3}", last) for last in lasts):
        return False
    for folder in [*counts][:50]:
        for part in folder.split("/"):
            found = words(part)
            if len(found) == 2 and found[0] in ENTITIES and found[1].isdigit():
                return True
    return len(counts) >= 10 and 1.5 <= counts.total() / len(counts) <= 20


def is_identity_name(name: str) -> bool:
    """Return whether a column is called like something that has several images.

    >>> [is_identity_name(name) for name in ("PatientID", "case", "pid", "patient_sex", "age")]
    [True, True, True, False, False]
    """
    if plain(name) in _ID_ALONE:
        return True
    parts = words(name)
    if len(parts) == 1:  # written as one word: patientid
        stem = re.sub(f"({'|'.join(sorted(_ID_WORDS, key=len, reverse=True))})$", "", parts[0])
        parts = [stem or parts[0]]
    entities = [part for part in parts if part.removesuffix("s") in ENTITIES or part in ENTITIES]
    rest = [part for part in parts if part not in entities]
    return bool(entities) and all(part in _ID_WORDS for part in rest)


def _repeats(counts: Counter[str]) -> bool:
    """Return whether there are many values, most of them on several images."""
    rows = counts.total()
    mean = rows / len(counts)
    if len(counts) < 10 or not 1.5 <= mean <= 200 or max(counts.values()) > max(20, 5 * mean):
        return False
    return sum(count for count in counts.values() if count > 1) >= 0.6 * rows


def _few_words_each(name: str, counts: Counter[str]) -> bool:
    """Return whether the values are words, or the numbers of an id, on a few images each."""
    if counts.total() / len(counts) > 20:
        return False
    values = [*counts][:200]
    if all(_NUMBER.fullmatch(value) for value in values):
        return bool(set(words(name)) & _ID_WORDS)
    return not any(_DECIMAL.fullmatch(value) or _DATE.fullmatch(value) for value in values)


def _goes_with_label(cells: Sequence[str], labels: Sequence[str]) -> bool:
    """Return whether the images of a value have one label, far more often than by chance.

    They also must stand together in the table, as those of a patient do. A score that the label was
    made from is no identity: its labels change once along its values.
    """
    codes = [canonical(label) for label in labels]
    share = Counter(codes)
    of_value: defaultdict[str, list[str]] = defaultdict(list)
    for cell, code in zip(cells, codes, strict=True):
        if cell:
            of_value[cell].append(code)
    several = [found for found in of_value.values() if len(found) > 1]
    pure = sum(len(set(found)) == 1 for found in several)
    by_chance = sum(
        sum((count / len(codes)) ** len(found) for count in share.values()) for found in several
    )
    spread = max(1.0, by_chance * (1 - by_chance / max(1, len(several)))) ** 0.5
    if pure < 0.95 * len(several) or pure - by_chance < 4 * spread:
        return False
    if sum(one != other for one, other in itertools.pairwise(cells)) > 1.2 * len(of_value):
        return False
    try:
        ordered = sorted(of_value, key=float)
    except ValueError:
        return True
    along = [of_value[value][0] for value in ordered]
    return sum(one != other for one, other in itertools.pairwise(along)) > 2
