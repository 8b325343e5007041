"""The pixels of some of a run's images: from memory while it ends, from their files later."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from imbclf.dataset import LabelledFolder
from imbclf.decoding import UnreadableImage, decode
from imbclf.errors import UserError
from imbclf.predictor import SHEET

# Gives uint8 [M, H, W, 3] for the names of M images; raises UserError where it cannot.
Photographs = Callable[[Sequence[str]], NDArray[np.uint8]]

THUMBNAIL = 112  # pixels, the width that a page shows them at


def from_memory(files: NDArray[np.str_], pixels: NDArray[np.uint8]) -> Photographs:
    """Take images `[N, H, W, 3]` by their names `[N]`.

    >>> from_memory(np.array(["a", "b"]), np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3))(
    ...     ["b"]
    ... ).shape
    (1, 2, 2, 3)
    """

    def take(names: Sequence[str]) -> NDArray[np.uint8]:
        row_of = {str(name): row for row, name in enumerate(files)}
        return pixels[[row_of[name] for name in names]]

    return take


def from_run(run: Path, folder: str | None) -> Photographs:
    """Decode images again, from the data folder that a run's configuration names or from another.

    Only those that are asked for are decoded, and nothing that the configuration names is called.

    Args:
        run: the run directory.
        folder: the data folder, where it is no longer that of the configuration.
    """

    def take(names: Sequence[str]) -> NDArray[np.uint8]:
        options = _data_options(run)
        data = LabelledFolder(**(options if folder is None else {**options, "dir": folder}))
        root = data.list_files().root
        try:
            sheet = json.loads((run / "predictor" / SHEET).read_text(encoding="utf-8"))
            height, width = sheet["image_size"]
            return np.stack([decode(root / name, (height, width)) for name in names])
        except (OSError, ValueError, KeyError, UnreadableImage) as error:
            raise UserError(f"{root}: the run's images cannot be read ({error})") from error

    return take


def _data_options(run: Path) -> dict[str, Any]:
    """Give where the images lie, of the options in `config.yaml`."""
    try:
        options = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["data"]
        wanted = ("dir", "images", "labels", "label_map")
        return {name: options[name] for name in wanted if name in options or name == "dir"}
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise UserError(f"{run / 'config.yaml'}: names no data folder ({error!r})") from error


def thumbnail(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shrink an image `[H, W, 3]` to what a page shows; a small one is left as it is.

    >>> thumbnail(np.zeros((448, 224, 3), np.uint8)).shape
    (112, 56, 3)
    """
    if max(image.shape[:2]) <= THUMBNAIL:
        return image
    shrunk = Image.fromarray(image)
    shrunk.thumbnail((THUMBNAIL, THUMBNAIL))
    return np.asarray(shrunk)
