"""What the header of an image file says, without its pixels."""

from pathlib import Path
from typing import NamedTuple

from PIL import ExifTags, Image

from imbclf.data.image_content import is_dicom
from imbclf.data.opening import FRAMES, Source, open_image, open_source

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


class Header(NamedTuple):
    """Format and mode of an image, as Pillow names them, and its upright size in pixels.

    `pages` is the number of pages of a TIFF or of frames of a DICOM file, of which only the first
    is decoded; of other formats it is 1.
    """

    format: str
    mode: str
    height: int
    width: int
    pages: int = 1


def read_header(path: Source) -> Header:
    """Read the format, mode and upright size of an image, without decoding its pixels.

    Raises:
        UnreadableImage: the file is missing, empty or not an image.
    """
    with open_source(path) as (file, start):
        if is_dicom(start):
            from imbclf.data.dicom import dicom_header

            return Header(*dicom_header(file))
        with open_image(file, start, None) as image:
            width, height = image.size
            if 5 <= orientation(image) <= 8:
                width, height = height, width
            return Header(str(image.format), image.mode, height, width, page_count(image))


def page_count(image: Image.Image) -> int:
    """Return the number of pages of a TIFF or of frames of a DICOM file, 1 for other formats."""
    if image.format == "TIFF":
        return int(getattr(image, "n_frames", 1))
    return int(image.info.get(FRAMES, 1))


def pages_in_words(files: int, most: int) -> str:
    """Return in a sentence that files have pages that are not used.

    >>> pages_in_words(3, 12)
    'Files of several pages or frames, up to 12: 3. Only the first of each is used.'
    """
    return (
        f"Files of several pages or frames, up to {most:,}: {files:,}. Only the first of each is "
        "used."
    )


def height_width(path: Path | str) -> tuple[int, int]:
    """Read the upright (height, width) of an image from its header.

    Raises:
        UnreadableImage: the file is missing, empty or not an image.
    """
    header = read_header(path)
    return header.height, header.width


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation of an image, a key of `TURNS`, or 1 if it is upright."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken metadata: assume an upright image
        return 1
