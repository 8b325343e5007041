"""Options of labeled and unlabeled image folders."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imbclf.data.image_cache import DecodedImages, decode_images, height_and_width
from imbclf.data.listing import Listing
from imbclf.data.pixel_options import SIXTEEN_BITS, Depth, Fit, PixelOptions
from imbclf.data.reading.options import Column, ReadingOptions, Value
from imbclf.data.reading.read import list_labelled
from imbclf.data.reading.unlabelled import ImageOptions, list_unlabelled
from imbclf.errors import UserError
from imbclf.utils.checks import check_choice, check_range

ON_CORRUPT = ("error", "skip")


@dataclass(frozen=True)
class LabelledFolder:
    """A folder of labeled images, and how they are read and batched.

    Args:
        dir: the data folder.
        images: one or several folders of images in it; None finds them.
        labels: a file of labels, several (one for each part), or `folders`; None finds them.
        label_map: label 0 or 1 of each spelling, if labels are not written 0 and 1.
        file: column of the file names, by name or number.
        label: column of the labels, or several columns of 0 and 1.
        positive: values that are label 1; all others are label 0.
        drop: values of the label to leave out: their rows, lines or class folders.
        names: what label 0 and label 1 are called.
        group: a column, `folder` (the image's parent folder) or `none`.
        part: a column, `folders` or `none`: the user's own division into train, val and test.
        test: values of the part that are the test part.
        subgroups: columns of the table by whose values errors are reported.
        suffix: added to names without one; `auto` is the suffix of the one file of that name.
        strip: prefix taken off the names; `auto` takes off leading folders that do not exist.
        missing: `error`, or `skip` to leave out rows whose file does not exist.
        duplicates: `error`, or `first` to take the first row of a file named more than once.
        unlisted: `ignore`, or `0`: images that no row names are label 0.
        include: patterns of the only files to take.
        exclude: patterns of files to leave out.
        order: of images that a text file labels line by line, `natural` or `plain`.
        image_size: side of a square, or (height, width), in pixels, to resize images to; None if
            all images have one size.
        depth: of images of more than 8 bits: `auto` or None for what the values of the whole set
            need, a number of bits, 8 to 16, or the `[low, high]` that become black and white.
        fit: where an image has another shape than `image_size`: `squash` (or None), `pad` with
            black, or `crop`.
        max_pixels: most pixels of an image; None for Pillow's limit, some 179 million.
        on_corrupt: `error` to refuse unreadable images, `skip` to leave them out.
        cache_dir: folder of the decoded images.
        batch_size: images per training step, on each device; None leaves it to their number.
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
    images: str | Sequence[str] | None = None
    labels: str | Sequence[str] | None = None
    label_map: Mapping[str, int] | None = None
    image_size: int | tuple[int, int] | None = None
    depth: Depth = None
    fit: Fit | None = None
    max_pixels: int | None = None
    on_corrupt: Literal["error", "skip"] = "error"
    cache_dir: str = "outputs/cache"
    batch_size: int | None = 128
    holdout: float = 0.0
    default_weights: str | None = None
    make: Callable[[Path], None] | None = None
    file: Column | None = None
    label: Column | Sequence[Column] | None = None
    positive: Value | Sequence[Value] | None = None
    drop: Value | Sequence[Value] | None = None
    names: Sequence[str] | None = None
    group: Column | None = None
    part: Column | None = None
    test: Value | Sequence[Value] | None = None
    subgroups: Column | Sequence[Column] | None = None
    suffix: str | None = None
    strip: str | None = None
    missing: Literal["error", "skip"] | None = None
    duplicates: Literal["error", "first"] | None = None
    unlisted: Literal["ignore", "0"] | int | None = None
    include: str | Sequence[str] | None = None
    exclude: str | Sequence[str] | None = None
    order: Literal["natural", "plain"] | None = None

    def __post_init__(self) -> None:
        if self.batch_size is not None:
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
        self.reading()

    def reading(self) -> ReadingOptions:
        """Return how labels, groups and parts are read.

        Raises:
            UserError: an option has a value that it cannot have.
        """
        return ReadingOptions(**_given(self, ReadingOptions))

    def list_files(self, reading: ReadingOptions | None = None) -> Listing:
        """Return the checked files and labels.

        Args:
            reading: how labels, groups and parts are read; None for `self.reading()`.

        Raises:
            UserError: as `list_labelled`.
        """
        root = Path(self.dir).expanduser()
        if self.make is not None:
            self.make(root)
        return list_labelled(root, reading or self.reading())

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
    """Images without labels, to predict on.

    Args:
        dir: a folder, whose images and those of its subfolders are read in natural order; an
            image; a pattern such as `in/*.png`; or a list or table of names, whose order is kept.
        labels: a list or table in the folder `dir`.
        images: one or several folders in `dir` that the names are looked up in.
        file: column of the file names, by name or number.
        suffix: added to names without one.
        strip: prefix taken off the names.
        missing: `error`, or `skip`: names whose file does not exist get no label.
        include: patterns of the only files to take.
        exclude: patterns of files to leave out.
        cache_dir: folder of the decoded images.
        on_corrupt: `error` to refuse unreadable images, `skip`: they get no label.
        batch_size: images per batch.
        max_pixels: most pixels of an image; None for Pillow's limit, some 179 million.

    Raises:
        UserError: an option is out of range.
    """

    dir: str
    cache_dir: str = "outputs/cache"
    on_corrupt: Literal["error", "skip"] = "error"
    batch_size: int = 512
    labels: str | None = None
    images: str | Sequence[str] | None = None
    file: Column | None = None
    suffix: str | None = None
    strip: str | None = None
    missing: Literal["error", "skip"] | None = None
    include: str | Sequence[str] | None = None
    exclude: str | Sequence[str] | None = None
    max_pixels: int | None = None

    def __post_init__(self) -> None:
        check_range("data.batch_size", self.batch_size, at_least=1)
        check_choice("data.on_corrupt", self.on_corrupt, ON_CORRUPT)
        check_choice("data.missing", self.missing or "error", ("error", "skip"))
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

        Returns:
            uint8 `[N, H, W, 3]`, and their listing, whose account has all images asked for.

        Raises:
            UserError: as `list_unlabelled` and `decode_images`.
        """
        chosen = ImageOptions(**_given(self, ImageOptions))
        opened = decode_images(
            list_unlabelled(self.dir, chosen),
            image_size,
            Path(self.cache_dir),
            self.on_corrupt,
            on_decoding=on_decoding,
            options=replace(options or SIXTEEN_BITS, max_pixels=self.max_pixels),
        )
        return opened.pixels, opened.listing


def _given(
    folder: LabelledFolder | UnlabelledFolder, options: type[ReadingOptions | ImageOptions]
) -> dict[str, Any]:
    """Return the options of a folder that a class of options takes, without those left at None."""
    values = {field.name: getattr(folder, field.name, None) for field in fields(options)}
    return {name: value for name, value in values.items() if value is not None}
