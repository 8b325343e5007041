"""One image file turned into the pixels that a person would see."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from imbclf.data.jpeg import decode_plain_jpeg

Source = Path | str | BytesIO  # a file, or its bytes in memory

# Pillow would try all it knows, among them EPS, which starts a program.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")

# Pillow's own limit, beyond which it takes an image for a decompression bomb.
MOST_PIXELS = 2 * int(Image.MAX_IMAGE_PIXELS or 89_478_485)

# What sets an image upright, by its EXIF orientation (1: it is). From 5 on it lies on its side.
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
    """A file that gives no image; the message is the reason, in a few words, without the path."""


def decode(path: Source, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """Decode an image to RGB, upright, as uint8 [H, W, 3].

    Transparent parts show white, as on a page; 16-bit gray is scaled by 255 / 65535; of an
    animation the first frame is taken; the camera's EXIF orientation is applied.

    Args:
        path: the file; its content, not its suffix, tells the format.
        size: (height, width) in pixels to resize to, bilinear with antialiasing; None keeps it.

    Raises:
        UnreadableImage: the file is missing, empty, cut short, no image, or a decompression bomb
            (more than twice `PIL.Image.MAX_IMAGE_PIXELS`).
    """
    plain = decode_plain_jpeg(path, size)
    if plain is not None:
        return plain
    with _opened(path) as image:
        shape = None if size is None else (size[1], size[0])
        if shape and image.size != shape:
            # JPEG decodes at 1/2, 1/4 or 1/8 for little; twice the size leaves no trace of it.
            image.draft(None, (2 * max(shape), 2 * max(shape)))
        image.load()
        turn = TURNS.get(_orientation(image))
        rgb = _rgb(image if turn is None else image.transpose(turn))
        if shape and rgb.size != shape:
            rgb = rgb.resize(shape, Image.Resampling.BILINEAR, reducing_gap=3.0)
        return np.array(rgb)


class Header(NamedTuple):
    """What a file says of its image: format and mode as Pillow names them, and the upright size."""

    format: str
    mode: str
    height: int
    width: int


def read_header(path: Source) -> Header:
    """Read format, mode and the size of `decode(path, None)`, without the pixels.

    Raises:
        UnreadableImage: the file is missing, empty or no image.
    """
    with _opened(path) as image:
        width, height = image.size
        if 5 <= _orientation(image) <= 8:
            width, height = height, width
        return Header(str(image.format), image.mode, height, width)


def height_width(path: Path | str) -> tuple[int, int]:
    """Read the size of `decode(path, None)` from the file's header.

    Raises:
        UnreadableImage: the file is missing, empty or no image.
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
    except Exception:  # broken metadata says nothing about the pixels
        return 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith("I;16"):
        # Pillow clips at 255 where it should scale: most of the image would come out white.
        gray = np.rint(np.asarray(image) / 257).astype(np.uint8)
        return Image.fromarray(gray).convert("RGB")
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image.convert("RGB")
