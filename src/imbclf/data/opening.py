"""Opening of an image file by its content, and the reason where it cannot be read."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from imbclf.data.image_content import FORMATS, START, is_dicom, is_heif, what_instead
from imbclf.utils.install_line import install_line

Source = Path | str | BytesIO  # a file, or its content in memory

# The package that reads a format, and the extra of imbclf that installs it.
EXTRAS = {"pydicom": "dicom", "pillow_heif": "heif"}
FORMAT_OF = {"pydicom": "DICOM", "pillow_heif": "HEIC"}
NEEDS_PACKAGE = "which needs another package"
WHITE_IS_LOW = "white_is_low"  # key of `Image.info`: the lowest value is white
FRAMES = "frames"  # key of `Image.info`: number of frames of a DICOM file
_limit = Lock()  # of Pillow's limit of pixels, which is global


class UnreadableImage(Exception):  # noqa: N818
    """A file that cannot be decoded; the message is a short reason without the path."""


@contextmanager
def open_source(source: Source) -> Iterator[tuple[BinaryIO, bytes]]:
    """Open a file, at its beginning, and read its first bytes.

    Raises:
        UnreadableImage: anything but a lack of memory goes wrong in the context.
    """
    try:
        file: BinaryIO = source if isinstance(source, BytesIO) else open(source, "rb")  # noqa: PTH123, SIM115
    except (OSError, ValueError) as error:
        raise UnreadableImage(getattr(error, "strerror", None) or str(error)) from error
    try:
        file.seek(0)
        start = file.read(START)
        file.seek(0)
        yield file, start
    except (MemoryError, UnreadableImage):
        raise
    except Exception as error:  # Pillow's plugins raise nearly anything on a broken file
        raise UnreadableImage(_reason(file, error)) from error
    finally:
        if file is not source:
            file.close()


@contextmanager
def open_image(file: BinaryIO, start: bytes, max_pixels: int | None) -> Iterator[Image.Image]:
    """Open an image, its pixels not yet decoded but for DICOM.

    Args:
        file: at its beginning.
        start: its first bytes.
        max_pixels: most pixels of an image; None for Pillow's limit.
    """
    if is_dicom(start):
        from imbclf.data.dicom import dicom_image, frame_count, read_dicom

        dataset = read_dicom(file)
        _check_pixels(
            int(dataset.Rows) * int(dataset.Columns),
            _pillows_limit() if max_pixels is None else max_pixels,
        )
        image = dicom_image(dataset)
        image.info[FRAMES] = frame_count(dataset)
        yield image
    elif max_pixels is None:
        with _open(file, start) as image:
            yield image
    else:
        with pixel_limit(None), _open(file, start) as image:
            _check_pixels(image.width * image.height, max_pixels)
            yield image


@contextmanager
def pixel_limit(most: int | None) -> Iterator[None]:
    """Set Pillow's limit of pixels for a while, None for no limit; one thread at a time."""
    with _limit:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = most
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def missing_extras(reasons: Iterable[str]) -> list[str]:
    """Return the packages that are named in reasons of unreadable images.

    >>> missing_extras(['DICOM, which needs another package: pip install "imbclf[dicom]"', "empty"])
    ['pydicom']
    """
    known = set(reasons)
    return [
        name
        for name, extra in EXTRAS.items()
        if any(NEEDS_PACKAGE in one and f"[{extra}]" in one for one in known)
    ]


def _open(file: BinaryIO, start: bytes) -> Image.Image:
    if is_heif(start):
        from pillow_heif import HeifImageFile

        image: Image.Image = HeifImageFile(file)  # type: ignore[no-untyped-call]
        _check_pixels(image.width * image.height, _pillows_limit())
        return image
    return Image.open(file, formats=FORMATS)


def _pillows_limit() -> int | None:
    return None if Image.MAX_IMAGE_PIXELS is None else 2 * int(Image.MAX_IMAGE_PIXELS)


def _check_pixels(found: int, limit: int | None) -> None:
    if limit is not None and found > limit:
        raise UnreadableImage(_too_large(found, limit))


def _too_large(found: int, limit: int) -> str:
    return (
        f"{found:,} pixels are more than {limit:,}; if it is no decompression bomb, allow it with "
        f"data.max_pixels={found}"
    )


def _reason(file: BinaryIO, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name in EXTRAS:
        name, extra = FORMAT_OF[error.name], EXTRAS[error.name]
        return f"{name}, {NEEDS_PACKAGE}: {install_line(extra)}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, Image.DecompressionBombError):
        numbers = [int(number) for number in re.findall(r"\d+", str(error))]
        return _too_large(*numbers) if len(numbers) == 2 else str(error)
    if isinstance(error, UnidentifiedImageError):
        return what_instead(file)
    lines = str(error).splitlines() or [type(error).__name__]
    return f"cut short ({lines[0]})" if "truncated" in lines[0].lower() else lines[0]
