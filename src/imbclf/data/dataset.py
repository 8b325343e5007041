"""Options of labeled and unlabeled image folders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imbclf.data.image_cache import DecodedImages, decode_images, height_and_width
from imbclf.data.label_map import check_label_map
from imbclf.data.listing import Listing, list_images, list_labelled
from imbclf.data.pixel_options import SIXTEEN_BITS, Depth, Fit, PixelOptions
from imbclf.errors import UserError
from imbclf.utils.checks import check_choice, check_range

ON_CORRUPT = ("error", "skip")


@dataclass(frozen=True)
class LabelledFolder:
    """A folder of labeled images, and how they are read and batched.

    Args:
        dir: the data folder.
        images: subfolder of the images, if the labels are a text file.
        labels: text file, CSV or TSV of the labels; None detects the layout.
        label_map: label 0 or 1 of each spelling, if labels are not written 0 and 1.
        image_size: side of a square, or (height, width), in pixels, to resize images to; None if
            all images have one size.
        depth: of images of more than 8 bits: `auto` or None for what the values of the whole set
            need, a number of bits, 8 to 16, or the `[low, high]` that become black and white.
        fit: where an image has another shape than `image_size`: `squash` (or None), `pad` with
            black, or `crop`.
        max_pixels: most pixels of an image; None for Pillow's limit, some 179 million.
        on_corrupt: `error` to refuse unreadable images, `skip` to leave them out.
        cache_dir: folder of the decoded images.
        batch_size: images per training step.
        holdout: share of each class, 0 to below 1, held out for the final evaluation.
        default_weights: default of `model.weights` for this data.
        make: called with `dir` before the folder is read; writes the demo data.

    Raises:
        UserError: an option is out of range.

    >>> LabelledFolder("photos", batch_size=1)
    Traceback (most recent call last):
    imbclf.errors.UserError: data.batch_size=1: expected 2 or more
    """

    dir: str
    images: str = "train_img"
    labels: str | None = None
    label_map: Mapping[str, int] | None = None
    image_size: int | tuple[int, int] | None = None
    depth: Depth = None
    fit: Fit | None = None
    max_pixels: int | None = None
    on_corrupt: Literal["error", "skip"] = "error"
    cache_dir: str = "outputs/cache"
    batch_size: int = 128
    holdout: float = 0.0
    default_weights: str | None = None
    make: Callable[[Path], None] | None = None

    def __post_init__(self) -> None:
        check_range("data.batch_size", self.batch_size, at_least=2)
        check_choice("data.on_corrupt", self.on_corrupt, ON_CORRUPT)
        check_range("data.holdout", self.holdout, at_least=0, below=1, what="a share")
        if self.make is not None and not callable(self.make):
            raise UserError(
                f"data.make={self.make}: expected a function of the folder, named by "
                "data.make._target_ with data.make._partial_=true, or null"
            )
        height_and_width(self.image_size)
        _ = self.pixel_options
        check_label_map(self.label_map)

    def list_files(self) -> Listing:
        """Return the checked files and labels.

        Raises:
            UserError: as `list_labelled`.
        """
        if self.make is not None:
            self.make(Path(self.dir))
        return list_labelled(Path(self.dir), self.images, self.labels, self.label_map)

    @property
    def pixel_options(self) -> PixelOptions:
        """Return how images are decoded."""
        return PixelOptions(self.depth, self.fit, self.max_pixels)

    def open(self, listing: Listing) -> tuple[NDArray[np.uint8], Listing]:
        """Return the decoded images, uint8 `[N, H, W, 3]`, and the listing of them.

        Raises:
            UserError: as `decode_images`.
        """
        opened = self.decode(listing)
        return opened.pixels, opened.listing

    def decode(self, listing: Listing) -> DecodedImages:
        """Return the decoded images, the listing of them, and the depth as it was judged.

        Raises:
            UserError: as `decode_images`.
        """
        size, options = height_and_width(self.image_size), self.pixel_options
        return decode_images(listing, size, Path(self.cache_dir), self.on_corrupt, options=options)


@dataclass(frozen=True)
class UnlabelledFolder:
    """A folder of images without labels, to predict on.

    Args:
        dir: the folder; images in it and its subfolders are read in natural order.
        cache_dir: folder of the decoded images.
        on_corrupt: `error` to refuse unreadable images, `skip` to leave them out.
        batch_size: images per batch.
        max_pixels: most pixels of an image; None for Pillow's limit, some 179 million.

    Raises:
        UserError: an option is out of range.
    """

    dir: str
    cache_dir: str = "outputs/cache"
    on_corrupt: Literal["error", "skip"] = "error"
    batch_size: int = 512
    max_pixels: int | None = None

    def __post_init__(self) -> None:
        check_range("data.batch_size", self.batch_size, at_least=1)
        check_choice("data.on_corrupt", self.on_corrupt, ON_CORRUPT)
        PixelOptions(max_pixels=self.max_pixels)

    def open(
        self,
        image_size: tuple[int, int],
        on_decoding: Callable[[], None] | None = None,
        options: PixelOptions | None = None,
    ) -> tuple[NDArray[np.uint8], Listing]:
        """Return the images, resized to (height, width), and the listing of them.

        Args:
            image_size: (height, width) in pixels.
            on_decoding: called once the decoding processes have started, if any are needed.
            options: the predictor's depth and resizing mode; None for 16 bits and `squash`.

        Raises:
            UserError: as `list_images` and `decode_images`.
        """
        options = replace(options or SIXTEEN_BITS, max_pixels=self.max_pixels)
        listing = list_images(Path(self.dir))
        opened = decode_images(
            listing,
            image_size,
            Path(self.cache_dir),
            self.on_corrupt,
            on_decoding=on_decoding,
            options=options,
        )
        return opened.pixels, opened.listing
