"""Decoding of one image file to upright RGB pixels."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from imbclf.data.jpeg import decode_plain_jpeg

Source = Path | str | BytesIO  # a file, or its content in memory

# Only these: Pillow also opens EPS, for which it runs Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")

# Pillow's own limit, beyond which it refuses an image as a decompression bomb.
MOST_PIXELS = 2 * int(Image.MAX_IMAGE_PIXELS or 89_478_485)

# The transform that turns an image upright, by EXIF orientation. From 5 on it swaps the sides.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class UnreadableImage(Exception):  # noqa: N818
    """A file that cannot be decoded; the message is a short reason without the path."""


def decode(path: Source, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Decode an image to upright RGB, uint8 `[H, W, 3]`.

    Transparency is composited on white; 16-bit gray is scaled by 255 / 65535; of an animation the
    first frame is decoded; the EXIF orientation is applied.

    Args:
        path: the file, or its content; the format is detected from the content.
        size: (height, width) in pixels to resize to, bilinear with antialiasing; None keeps the
            size.

    Raises:
        UnreadableImage: the file is missing, empty, truncated, not an image, or a decompression
            bomb (more than twice `PIL.Image.MAX_IMAGE_PIXELS`).
    """
    plain = decode_plain_jpeg(path, size)
    if plain is not None:
        return plain
    with _opened(path) as image:
        shape = None if size is None else (size[1], size[0])
        if shape and image.size != shape:
            # JPEG decodes cheaply at 1/2, 1/4 or 1/8; twice the target size leaves no trace.
            image.draft(None, (2 * max(shape), 2 * max(shape)))
        image.load()
        return to_pixels(image, size)


def to_pixels(image: Image.Image, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Return an image in memory as `decode` returns one from a file, uint8 [H, W, 3].

    >>> to_pixels(Image.new("L", (8, 6), 100), (3, 4)).shape
    (3, 4, 3)
    """
    shape = None if size is None else (size[1], size[0])
    turn = TURNS.get(_orientation(image))
    rgb = _rgb(image if turn is None else image.transpose(turn))
    if shape and rgb.size != shape:
        rgb = rgb.resize(shape, Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.array(rgb)


class Header(NamedTuple):
    """Format and mode of an image, as Pillow names them, and its upright size in pixels."""

    format: str
    mode: str
    height: int
    width: int


def read_header(path: Source) -> Header:
    """Read the format, mode and upright size of an image, without decoding its pixels.

    Raises:
        UnreadableImage: the file is missing, empty or not an image.
    """
    with _opened(path) as image:
        width, height = image.size
        if 5 <= _orientation(image) <= 8:
            width, height = height, width
        return Header(str(image.format), image.mode, height, width)


def height_width(path: Path | str) -> tuple[int, int]:
    """Read the upright (height, width) of an image from its header.

    Raises:
        UnreadableImage: the file is missing, empty or not an image.
    """
    header = read_header(path)
    return header.height, header.width


@contextmanager
def _opened(path: Source) -> Iterator[Image.Image]:
    try:
        with Image.open(path, formats=FORMATS) as image:
            yield image
    except MemoryError:
        raise
    except Exception as error:  # Pillow's plugins raise nearly anything on a broken file
        raise UnreadableImage(_reason(path, error)) from error


def _reason(path: Source, error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, UnidentifiedImageError):
        size = len(path.getbuffer()) if isinstance(path, BytesIO) else Path(path).stat().st_size
        return f"not one of {', '.join(FORMATS)}" if size else "empty file"
    return str(error) or type(error).__name__


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken metadata: assume an upright image
        return 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith("I;16"):
        # Pillow clips at 255 instead of scaling, which would make most pixels white.
        gray = np.rint(np.asarray(image) / 257).astype(np.uint8)
        return Image.fromarray(gray).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")
