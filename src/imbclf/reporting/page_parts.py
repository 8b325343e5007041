"""What a page is made of: images with captions."""

from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from imbclf.reporting.embedded_images import heat_address, image_address

PIXELATED = 128  # pixels, below which an image is enlarged without smoothing


@dataclass(frozen=True, eq=False)
class Picture:
    """An image with its caption.

    Attributes:
        image: uint8 `[H, W, 3]`.
        name: its file, or all of its caption; the page shows the last part of a path.
        note: the second line of the caption.
        heat: where a model looks, `[h, w]`, 0 to 1, over the same area; None if not known.
        detail: all that is known of it, where the second line is short for that.
    """

    image: NDArray[np.uint8]
    name: str
    note: str = ""
    heat: NDArray[np.float64] | None = None
    detail: str = ""

    @property
    def alt(self) -> str:
        """Return the alternative text."""
        text = self.detail or self.note
        return f"{self.name}: {text}" if text else self.name

    @property
    def short(self) -> str:
        """Return the name without its folder and its suffix, if there is a second line."""
        return PurePosixPath(self.name).stem if self.note else self.name

    @property
    def source(self) -> str:
        """Return the image as an address."""
        return image_address(self.image)

    @property
    def heat_source(self) -> str:
        """Return the heat map as an address."""
        assert self.heat is not None
        return heat_address(self.heat)

    @property
    def pixelated(self) -> bool:
        """Return whether the image is so small that smoothing would blur it."""
        return bool(max(self.image.shape[:2]) < PIXELATED)
