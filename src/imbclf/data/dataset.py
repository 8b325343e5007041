"""A labeled image folder and how its images reach the network, as one set of options."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imbclf.data.image_cache import height_and_width, open_images
from imbclf.data.label_files import check_label_map
from imbclf.data.listing import Listing, list_images, list_labelled
from imbclf.errors import UserError
from imbclf.utils.checks import check_choice, check_range

ON_CORRUPT = ("error", "skip")


@dataclass(frozen=True)
class LabelledFolder:
    """Where labeled images lie and how they are read and batched.

    Args:
        dir: the data folder.
        images: the folder of images in it, where the labels are a text file.
        labels: the text file, CSV or TSV of labels; None finds the layout out.
        label_map: spelling of a label to 0 or 1, where labels are not 0 and 1 already.
        image_size: side of a square, or (height, width), in pixels, that images are resized to;
            None where all have one size.
        on_corrupt: unreadable images are an `error`, or `skip` leaves them out.
        cache_dir: where decoded images are kept.
        batch_size: images per step.
        holdout: share of each class, 0 to below 1, that is kept out of everything.
        default_weights: what `model.weights` is unless it is given.
        make: called with `dir` before anything is read; draws the demo data.

    Raises:
        UserError: where an option is out of range.
    """

    dir: str
    images: str = "train_img"
    labels: str | None = None
    label_map: Mapping[str, int] | None = None
    image_size: int | tuple[int, int] | None = None
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
                f"data.make={self.make}: expected a function of the folder, as data.make._target_ "
                "names one with data.make._partial_=true, or null"
            )
        height_and_width(self.image_size)
        check_label_map(self.label_map)

    def list_files(self) -> Listing:
        """Find the files and their labels, checked.

        Raises:
            UserError: as `list_labelled`.
        """
        if self.make is not None:
            self.make(Path(self.dir))
        return list_labelled(Path(self.dir), self.images, self.labels, self.label_map)

    def open(self, listing: Listing) -> tuple[NDArray[np.uint8], Listing]:
        """Decode the images, or open their cache: uint8 `[N, H, W, 3]` and what is in it.

        Raises:
            UserError: as `open_images`.
        """
        size = height_and_width(self.image_size)
        return open_images(listing, size, Path(self.cache_dir), self.on_corrupt)


@dataclass(frozen=True)
class UnlabelledFolder:
    """Images to be labeled.

    Args:
        dir: the folder; images below it are taken in natural order.
        cache_dir: where decoded images are kept.
        on_corrupt: unreadable images are an `error`, or `skip` leaves them out.
        batch_size: images at once.
    """

    dir: str
    cache_dir: str = "outputs/cache"
    on_corrupt: Literal["error", "skip"] = "error"
    batch_size: int = 512

    def __post_init__(self) -> None:
        check_range("data.batch_size", self.batch_size, at_least=1)
        check_choice("data.on_corrupt", self.on_corrupt, ON_CORRUPT)

    def open(
        self, image_size: tuple[int, int], on_decoding: Callable[[], None] | None = None
    ) -> tuple[NDArray[np.uint8], Listing]:
        """Decode the images to (height, width), or open their cache.

        `on_decoding` is called when other processes have begun to decode.

        Raises:
            UserError: as `list_images` and `open_images`.
        """
        listing = list_images(Path(self.dir))
        cache = Path(self.cache_dir)
        return open_images(listing, image_size, cache, self.on_corrupt, on_decoding=on_decoding)
