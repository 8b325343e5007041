"""Images as users have them, read to the pixels that a predictor takes."""

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from imbclf.data.decoding import Header, UnreadableImage, decode, read_header, to_pixels
from imbclf.data.listing import list_images
from imbclf.data.pixel_options import SIXTEEN_BITS, PixelOptions
from imbclf.errors import UserError
from imbclf.utils.text import first_few

OneImage = str | PathLike[str] | Image.Image | NDArray[np.generic]
Images = OneImage | Sequence[OneImage] | pd.DataFrame
PATH_COLUMNS = ("file", "path", "image", "filename")


class ReadImages(NamedTuple):
    """N images, resized: their names (numbers where they have none), pixels and file headers.

    Pixels are uint8 `[N, H, W, 3]`; the header of an image that is no file is None.
    """

    names: list[str] | list[int]
    pixels: NDArray[np.uint8]
    headers: list[Header | None]


def read_images(
    images: Images, size: tuple[int, int], options: PixelOptions = SIXTEEN_BITS
) -> ReadImages:
    """Read images of any size and kind, resized as for training.

    Args:
        images: a folder (natural order), a file, a list of files, PIL images or arrays
            `[H, W]`, `[H, W, 3]`, `[H, W, 4]` of uint8 or `[H, W]` of uint16 or float32, an array
            `[N, H, W, 3]`, or a data frame with a column of paths, called file, path, image or
            filename, or its only one.
        size: (height, width) to resize to, in pixels.
        options: depth and resizing mode, as for training.

    Raises:
        UserError: an image cannot be read; the message says which and why.

    >>> read_images(np.zeros((2, 50, 40, 3), np.uint8), (8, 8)).pixels.shape
    (2, 8, 8, 3)
    """
    names: list[str] = []
    pixels: list[NDArray[np.uint8]] = []
    headers: list[Header | None] = []
    for number, (name, image) in enumerate(_each(images)):
        try:
            pixels.append(_pixels(image, size, options))
            headers.append(read_header(Path(image)) if isinstance(image, str | PathLike) else None)
        except UnreadableImage as error:
            raise UserError(
                f"{name or f'image {number}'}: not a readable image ({error})"
            ) from error
        names += [name] if name is not None else []
    read = np.stack(pixels) if pixels else np.zeros((0, *size, 3), np.uint8)
    return ReadImages(names if len(names) == len(read) else [*range(len(read))], read, headers)


def _each(images: Images) -> Iterator[tuple[str | None, OneImage]]:
    if isinstance(images, pd.DataFrame):
        images = _paths_of(images)
    if isinstance(images, str | PathLike):
        folder = Path(images)
        if not folder.exists():
            raise UserError(f"{images}: there is no such folder or file of images")
        if not folder.is_dir():
            yield str(images), folder
            return
        for file in list_images(folder).files.tolist():
            yield file, folder / file
    elif isinstance(images, Image.Image) or (isinstance(images, np.ndarray) and images.ndim < 4):
        yield None, images
    else:
        for image in images:
            yield (str(image) if isinstance(image, str | PathLike) else None), image


def _paths_of(table: pd.DataFrame) -> list[str]:
    known = [name for name in table.columns if name in PATH_COLUMNS]
    if len(known) != 1 and len(table.columns) != 1:
        raise UserError(
            f"data frame: expected one column of paths called {', '.join(PATH_COLUMNS)}, found "
            f"{first_few([str(name) for name in table.columns])}"
        )
    return [str(path) for path in table[known[0] if known else table.columns[0]]]


def _pixels(image: OneImage, size: tuple[int, int], options: PixelOptions) -> NDArray[np.uint8]:
    if isinstance(image, str | PathLike):
        return decode(Path(image), size, options)
    if isinstance(image, Image.Image):
        return to_pixels(image, size, options)
    if not isinstance(image, np.ndarray) or not _is_image(image):
        found = f"{image.shape} {image.dtype}" if isinstance(image, np.ndarray) else type(image)
        raise UnreadableImage(
            "expected a path, a PIL image, a uint8 array [H, W], [H, W, 3] or [H, W, 4], or a "
            f"uint16 or float32 array [H, W], found {found}"
        )
    return to_pixels(Image.fromarray(image), size, options)


def _is_image(image: NDArray[np.generic]) -> bool:
    if image.dtype in (np.uint16, np.float32):
        return image.size > 0 and image.ndim == 2
    has_channels = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))
    return image.dtype == np.uint8 and image.size > 0 and has_channels
