"""Fast decoding of plain JPEG files, without Pillow."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

MARK = b"\xff\xd8\xff"  # start of a JPEG file
APPLICATION_1 = b"\xff\xe1"  # start of EXIF and XMP, which may hold an orientation
# Most pixels, and bytes of a file: for larger images the overhead of Pillow is negligible.
LARGEST = 2**24


def decode_plain_jpeg(
    source: Path | str | BytesIO, size: tuple[int, int] | None
) -> NDArray[np.uint8] | None:
    """Decode a JPEG to the same pixels as Pillow, three times as fast for 64x64 pixels.

    Both call libjpeg-turbo with the same settings.

    Args:
        source: a file, or its content in memory.
        size: (height, width) that the image must have; None accepts any.

    Returns:
        uint8 `[H, W, 3]`; None if Pillow is needed: the file is not a JPEG, has another size, an
        EXIF segment or colors other than YCbCr, or is large, damaged or unreadable.

    >>> from PIL import Image
    >>> Image.new("RGB", (8, 4), "white").save(file := BytesIO(), "JPEG")
    >>> decode_plain_jpeg(file, None).shape, decode_plain_jpeg(file, size=(2, 2))
    ((4, 8, 3), None)
    """
    try:
        data = _read(source)
        if not data.startswith(MARK) or APPLICATION_1 in data:
            return None
        height, width, colors, _ = simplejpeg.decode_jpeg_header(data)
        wanted = size or (height, width)
        if colors != "YCbCr" or wanted != (height, width) or height * width > LARGEST:
            return None
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data)
        return pixels
    except (OSError, ValueError):
        return None


def _read(source: Path | str | BytesIO) -> bytes:
    """Return the content of a file; empty if it is not a JPEG or too large."""
    if isinstance(source, BytesIO):
        return source.getvalue()
    with open(source, "rb") as file:  # noqa: PTH123 (a Path each would take longer)
        start = file.read(len(MARK))
        if start != MARK or os.fstat(file.fileno()).st_size > LARGEST:
            return b""
        return start + file.read()
