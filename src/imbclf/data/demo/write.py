"""The built-in demo data: drawn faces, written once in the layout of the users' own data."""

import json
import logging
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from imbclf.data.demo.faces import GLASSES, NO_GLASSES, draw_face
from imbclf.errors import UserError
from imbclf.utils.files import atomic_folder, write_text

logger = logging.getLogger("imbclf")

# To be raised with every change to the drawing, so that older pictures are not taken for it.
DRAWING = 1


def imbalanced_labels(images: int, minority: float, seed: int) -> NDArray[np.int64]:
    """Shuffle `round(minority * images)` labels 0 and otherwise labels 1, int64 `[images]`.

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
        label_train.txt             their labels, one a line
        val_img/000001.jpg ...      `unlabeled` others, the same share with glasses
        demo.json                   the arguments

    The folder appears whole or not at all, also when several processes want it at once; where it
    is already there with the same arguments nothing is written. The labels of `val_img` are not
    kept.

    Raises:
        UserError: where an argument is out of range, or the folder holds anything else.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "demo"
    >>> write_demo(folder, images=10, unlabeled=2, minority=0.2)
    >>> sorted(path.name for path in folder.iterdir())
    ['demo.json', 'label_train.txt', 'train_img', 'val_img']
    """
    if not 0 < round(minority * images) < images - round(minority * images):
        raise UserError(
            f"demo data of images={images} and minority={minority}: expected a share below 0.5 "
            "that makes at least one image"
        )
    if unlabeled < 0 or seed < 0:
        raise UserError(f"demo data of unlabeled={unlabeled} and seed={seed}: expected 0 or more")
    wanted = {
        "images": images,
        "unlabelled": unlabeled,
        "minority": minority,
        "seed": seed,
        "drawing": DRAWING,
    }
    if is_written(folder, wanted):
        return
    labels = imbalanced_labels(images, minority, seed)
    # What a link points to is what has to be written.
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if is_written(folder, wanted):
            return
        with atomic_folder(folder) as beside:
            write_faces(beside / "train_img", labels, seed, first=0)
            hidden = imbalanced_labels(unlabeled, minority, seed)
            write_faces(beside / "val_img", hidden, seed, first=images)
            write_text(beside / "label_train.txt", "".join(f"{label}\n" for label in labels))
            write_text(beside / "demo.json", json.dumps(wanted, indent=2) + "\n")
    logger.info(
        "drew the demo data, %d faces of which %d wear glasses (label 0) and %d more without "
        "labels, in %s",
        images,
        np.count_nonzero(labels == GLASSES),
        unlabeled,
        folder,
    )


def is_written(folder: Path, wanted: dict[str, float]) -> bool:
    """Return whether the folder holds the wanted demo data already; nothing else may be in it.

    Raises:
        UserError: where it holds anything else.
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
        f"data.dir={folder} holds {held}, where the demo data of {wanted} were to be drawn: "
        "choose another data.dir or remove this folder"
    )


def write_faces(folder: Path, labels: NDArray[np.int64], seed: int, first: int) -> None:
    """Draw faces number `first` and on, and write them as 000001.jpg and on."""
    folder.mkdir()
    drawn = tqdm(labels.tolist(), desc=f"Drawing {folder.name}", unit="face", disable=None)
    for position, label in enumerate(drawn):
        face = draw_face(label, seed, first + position)
        Image.fromarray(face).save(folder / f"{position + 1:06d}.jpg", quality=90)
