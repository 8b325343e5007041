"""What the columns of a table are usually called, and columns that identify what images share."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# fmt: off
FILE_NAMES = frozenset((
    "file", "files", "filename", "filenames", "filepath", "path", "paths", "filepaths", "image",
    "images", "imagename", "imageid", "imagepath", "imagefile", "imagefilename", "img", "imgid",
    "imgname", "imgpath", "imgfile", "photo", "photoid", "picture", "idcode", "datei",
    "dateiname", "fichier", "archivo",
))
# fmt: on
# fmt: off
LABEL_NAMES = frozenset((
    "label", "labels", "class", "classname", "classlabel", "target", "targets", "category",
    "groundtruth", "gt",
))
# fmt: on
GROUP_NAMES = frozenset({"group", "groups", "groupid"})
# fmt: off
PART_NAMES = frozenset((
    "part", "parts", "split", "splits", "set", "subset", "partition", "phase", "usage", "fold",
    "folds", "kfold", "kfolds", "cvfold", "foldid", "foldno", "foldnumber", "datasplit",
    "trainvaltest", "traintest",
))
# fmt: on
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


def plain(name: str) -> str:
    """Return a column's name without case, spaces and signs.

    >>> plain("Image_ID"), plain("file name")
    ('imageid', 'filename')
    """
    return re.sub(r"[\W_]", "", name.casefold())


def words(name: str) -> list[str]:
    """Return the words of a column's name, in lower case.

    >>> words("patientId"), words("Patient ID"), words("StudyInstanceUID")
    (['patient', 'id'], ['patient', 'id'], ['study', 'instance', 'uid'])
    """
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


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


def find_identities(columns: Mapping[str, Sequence[str]]) -> list[Identity]:
    """Return the columns that say which images belong together: by their name, or by their values.

    By name: patient, subject, lesion, ... alone or with id, number, name; and some value repeats.
    By values: many words, each on a few images; no dates and no measurements.

    >>> rows = {"patient_id": ["a", "a", "b", "c"], "sex": ["f", "f", "m", "f"]}
    >>> find_identities(rows)
    [Identity(name='patient_id', values=3, rows=4)]
    """
    found = []
    for name, cells in columns.items():
        counts = Counter(cell for cell in (cell.strip() for cell in cells) if cell)
        by_name = is_identity_name(name)
        if len(counts) < 3 or max(counts.values()) < 2:
            continue
        if by_name or _repeats_like_identity(name, counts):
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


def _repeats_like_identity(name: str, counts: Counter[str]) -> bool:
    rows = counts.total()
    if len(counts) < 10 or not 1.5 <= rows / len(counts) <= 20:
        return False
    if sum(count for count in counts.values() if count > 1) < 0.6 * rows:
        return False
    if max(counts.values()) > max(20, 5 * rows / len(counts)):
        return False
    values = [*counts][:200]
    if all(_NUMBER.fullmatch(value) for value in values):
        return bool(set(words(name)) & _ID_WORDS)
    return not any(_DECIMAL.fullmatch(value) or _DATE.fullmatch(value) for value in values)
