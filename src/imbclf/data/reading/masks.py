"""Masks that lie among the images they were drawn for."""

import re
from collections.abc import Sequence
from posixpath import basename, dirname, splitext

_MARK = re.compile(
    r"(?P<stem>.+?)[\s_.-]*(?<![A-Za-z])(?:mask|label|labels|gt|seg|segmentation|annotation)s?(?:[\s_-]?\d+)?",
    re.IGNORECASE,
)
_HINT = re.compile("mask|label|gt|seg|annot|ground.?truth", re.IGNORECASE)
# fmt: off
_FOLDERS = frozenset((
    "groundtruth", "gt", "mask", "masks", "annotation", "annotations", "segmentation",
    "segmentations", "segmentationclass", "labelmask",
))
# fmt: on


def find_masks(files: Sequence[str]) -> list[bool]:
    """Return which files are masks of others: named as these with `_mask`, or in a folder of masks.

    A file is a mask if its name is that of another image, in its folder or anywhere if it lies in
    a folder such as `masks` or `ground_truth`, with `_mask`, `_label`, `_gt` or `_seg` added; or if
    it lies in such a folder under the very name of an image elsewhere.

    Args:
        files: `[N]`, POSIX paths.

    >>> find_masks(["a/1.png", "a/1_mask.png", "a/2_mask.png", "masks/1.png"])
    [False, True, False, True]
    """
    if not _HINT.search("\n".join(files)):
        return [False] * len(files)  # most sets have none, and may have a million files
    in_mask_folder = [is_mask_folder(file) for file in files]
    paths = {splitext(file)[0].lower() for file in files}
    stems = {
        basename(splitext(file)[0]).lower()
        for file, inside in zip(files, in_mask_folder, strict=True)
        if not inside
    }
    return [
        _is_mask(file, inside, paths, stems)
        for file, inside in zip(files, in_mask_folder, strict=True)
    ]


def is_mask_folder(file: str) -> bool:
    """Return whether a file lies in a folder called like one of masks.

    >>> is_mask_folder("ground_truth/crack/1.png"), is_mask_folder("good/mask.png")
    (True, False)
    """
    if "/" not in file:
        return False
    return any(
        re.sub(r"[\W_]", "", folder).lower() in _FOLDERS for folder in dirname(file).split("/")
    )


def _is_mask(file: str, in_folder: bool, paths: set[str], stems: set[str]) -> bool:
    path = splitext(file)[0].lower()
    stem = basename(path)
    if in_folder and stem in stems:
        return True
    match = _MARK.fullmatch(stem)
    if match is None:
        return False
    base = match["stem"]
    return (f"{dirname(path)}/{base}" if "/" in path else base) in paths or (
        in_folder and base in stems
    )
