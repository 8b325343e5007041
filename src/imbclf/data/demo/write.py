"""The demo data set: drawn faces with and without glasses, written as image files."""

import json
import logging
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image
from tqdm.auto import tqdm

from imbclf.data.demo.faces import GLASSES, NO_GLASSES, draw_face
from imbclf.errors import UserError
from imbclf.utils.checks import check_range
from imbclf.utils.files import atomic_folder, write_text

logger = logging.getLogger("imbclf")

# To be raised when the drawing changes, so that older data are not reused.
DRAWING = 1


def imbalanced_labels(images: int, minority: float, seed: int) -> NDArray[np.int64]:
    """Return `round(minority * images)` labels 0, the rest labels 1, shuffled: int64 `[images]`.

    >>> np.bincount(imbalanced_labels(images=100, minority=0.12, seed=0)).tolist()
    [12, 88]
    """
    labels = np.full(images, NO_GLASSES, dtype=np.int64)
    labels[: round(minority * images)] = GLASSES
    return np.random.default_rng(seed).permutation(labels)


def write_demo(
    folder: Path,
    images: int = 3000,
    unlabeled: int = 500,
    minority: float = 0.12,
    seed: int = 0,
) -> None:
    """Write faces with (label 0, the minority) and without glasses (label 1), 64x64 JPEG files.

        train_img/000001.jpg ...    `images` labeled faces
        label_train.txt             their labels, one per line
        val_img/000001.jpg ...      `unlabeled` others, the same share with glasses
        demo.json                   the arguments

    The folder is written atomically, also by several processes at once; if it already holds the
    same data, nothing is written. The labels of `val_img` are not stored.

    Args:
        folder: folder to write, missing or empty.
        images: number of labeled faces.
        unlabeled: number of faces without labels.
        minority: share with glasses, below .5.
        seed: random seed.

    Raises:
        UserError: an argument is out of range, or the folder holds something else.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "demo"
    >>> write_demo(folder, images=10, unlabeled=2, minority=0.2)
    >>> sorted(path.name for path in folder.iterdir())
    ['demo.json', 'label_train.txt', 'train_img', 'val_img']
    """
    _check_arguments(images, unlabeled, minority, seed)
    wanted = {"images": images, "unlabelled": unlabeled, "minority": minority, "seed": seed}
    wanted["drawing"] = DRAWING
    if is_written(folder, wanted):
        return
    labels = imbalanced_labels(images, minority, seed)
    # Write to the target of a symbolic link.
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if is_written(folder, wanted):
            return
        with atomic_folder(folder) as partial:
            write_faces(partial / "train_img", labels, seed, first=0)
            hidden = imbalanced_labels(unlabeled, minority, seed)
            write_faces(partial / "val_img", hidden, seed, first=images)
            write_text(partial / "label_train.txt", "".join(f"{label}\n" for label in labels))
            write_text(partial / "demo.json", json.dumps(wanted, indent=2) + "\n")
    logger.info(
        "drew the demo data, %d faces of which %d wear glasses (label 0) and %d more without "
        "labels, in %s",
        images,
        np.count_nonzero(labels == GLASSES),
        unlabeled,
        folder,
    )


def _check_arguments(images: int, unlabeled: int, minority: float, seed: int) -> None:
    check_range("data.make.unlabeled", unlabeled, at_least=0, what="images")
    check_range("data.make.seed", seed, at_least=0)
    if not 0 < round(minority * images) < images - round(minority * images):
        raise UserError(
            f"data.make.minority={minority}: expected a share below 0.5 that makes at least one of "
            f"data.make.images={images} images"
        )


def is_written(folder: Path, wanted: dict[str, float]) -> bool:
    """Return whether the folder already holds the wanted demo data.

    Raises:
        UserError: it holds something else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    try:
        found = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if found == wanted:
        return True
    held = "something other than demo data" if found is None else f"the demo data of {found}"
    raise UserError(
        f"data.dir={folder} holds {held}, but expected an empty folder for the demo data of "
        f"{wanted}; choose another data.dir, or data=folder for images of your own"
    )


def write_faces(folder: Path, labels: NDArray[np.int64], seed: int, first: int) -> None:
    """Draw faces from number `first` on, and write them as 000001.jpg, 000002.jpg, ..."""
    folder.mkdir()
    drawn = tqdm(labels.tolist(), desc=f"Drawing {folder.name}", unit="face", disable=None)
    for position, label in enumerate(drawn):
        face = draw_face(label, seed, first + position)
        Image.fromarray(face).save(folder / f"{position + 1:06d}.jpg", quality=90)
