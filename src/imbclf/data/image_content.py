"""What a file is by its first bytes, whatever its name."""

import re
from pathlib import Path
from typing import BinaryIO

# Only these: Pillow also opens EPS, for which it runs Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "JPEG2000", "PPM")
FORMAT_NAMES = "JPEG, PNG, WEBP, BMP, GIF, TIFF, AVIF, JPEG 2000, PPM, DICOM, HEIC"

# The usual suffixes of the files that can be decoded, .dcm and .heic with an extra.
DECODABLE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".tif", ".tiff"),
    *(".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".jp2", ".j2k", ".jpx", ".j2c", ".mpo"),
    *(".heic", ".heif", ".dcm", ".dicom"),
)

START = 512  # bytes that tell what a file is
# Compiled when first needed, which is seldom: processes that decode have to start fast.
MAGIC = (
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c"
    rb"\x7c]\0\0\0|II\*\0|MM\0\*|II\+\0|MM\0\+|\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"
    rb"|P[1-6fF]\s+(?:#|[-\d])|.{128}DICM|....ftyp(?:avi[fs]|he[iv][cxms]|mi[fa][1f]|msf1)"
)
HEVC = rb"he[iv][cxms]"
WEB_PAGE = rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)\b"


def looks_like_image(path: Path | str) -> bool:
    """Return whether a file, whatever its name, begins like one that can be decoded.

    >>> looks_like_image(__file__)
    False
    """
    try:
        with Path(path).open("rb") as file:
            return re.match(MAGIC, file.read(START), re.DOTALL) is not None
    except OSError:
        return False


def is_dicom(start: bytes) -> bool:
    """Return whether the first bytes of a file are those of DICOM."""
    return start[128:132] == b"DICM"


def is_heif(start: bytes) -> bool:
    """Return whether the first bytes of a file are those of HEIC, of which AVIF is a sibling."""
    if start[4:8] != b"ftyp":
        return False
    brands = start[8 : max(16, int.from_bytes(start[:4], "big"))]
    return any(re.match(HEVC, brands[place:]) for place in range(0, len(brands), 4))


def what_instead(file: BinaryIO) -> str:
    """Return in a few words what a file is that is no image."""
    file.seek(0)
    start = file.read(START)
    if not start:
        return "empty file"
    if re.match(MAGIC, start, re.DOTALL):
        return "cut short or damaged"
    if re.match(WEB_PAGE, start, re.IGNORECASE):
        return "a web page, not an image"
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not an image; fetch the images with git lfs pull"
    if start.startswith(b"\x1f\x8b"):
        return "gzipped data; unpack it with gunzip"
    if not any(start) and not any(any(block) for block in iter(lambda: file.read(2**20), b"")):
        return "only zeros"
    return f"not one of {FORMAT_NAMES}"
