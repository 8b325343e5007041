"""Images for readers: as detailed as their files, up to a size that a page can hold."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.data.dataset import LabelledFolder
from imbclf.data.decoding import decode
from imbclf.data.opening import UnreadableImage
from imbclf.errors import UserError
from imbclf.evaluation.run_images import data_options
from imbclf.prediction.manifest import PREDICTOR, Manifest
from imbclf.reporting.embedded_images import thumbnail

LARGEST = 600  # pixels


def detailed(run: Path, files: Sequence[str], seen: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Return images `[h, w, 3]` of at most 600 pixels, which show what the networks see.

    Where the shape of an image is squashed for the network, this is the whole image in its own
    shape; where it is padded or cut, it is as the network sees it. An image whose file is not
    there any more is shown as the network sees it.

    Args:
        run: the run directory, which names the data folder.
        files: names of the images.
        seen: `[N, H, W, 3]`, the images as the networks see them.
    """
    if not len(files):
        return []
    try:
        manifest = Manifest.load(run / PREDICTOR)
        data = LabelledFolder(**data_options(run))
        root = data.list_files().root
    except (UserError, OSError):
        return list(seen)
    options = replace(manifest.pixel_options, max_pixels=data.max_pixels)
    if options.fit != "squash":
        return list(seen)
    shown = []
    for name, fallback in zip(files, seen, strict=True):
        try:
            shown.append(thumbnail(decode(root / name, None, options), LARGEST))
        except (UnreadableImage, OSError):
            shown.append(fallback)
    return shown
