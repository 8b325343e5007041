"""Decoding of one image file to upright RGB pixels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imbclf.data.fitting import fit_image
from imbclf.data.header import (
    TURNS,
    Header as Header,
    height_width as height_width,
    orientation,
    page_count,
    read_header as read_header,
)
from imbclf.data.image_content import (
    DECODABLE_SUFFIXES as DECODABLE_SUFFIXES,
    looks_like_image as looks_like_image,
)
from imbclf.data.jpeg import LARGEST, decode_plain_jpeg
from imbclf.data.opening import (
    WHITE_IS_LOW,
    Source,
    UnreadableImage as UnreadableImage,
    open_image,
    open_source,
)
from imbclf.data.pixel_options import FULL, SIXTEEN_BITS, PixelOptions
from imbclf.data.value_range import ValueRange, to_eight_bits, value_range

# Pillow's own limit, beyond which it refuses an image as a decompression bomb.
MOST_PIXELS = 2 * int(Image.MAX_IMAGE_PIXELS or 89_478_485)
PHOTOMETRIC, WHITE_IS_ZERO = 262, 0  # a tag of TIFF and one of its values


class Decoded(NamedTuple):
    """Pixels, uint8 `[H, W, 3]`, the range of values of more than 8 bits, and number of pages."""

    pixels: NDArray[np.uint8]
    values: ValueRange | None = None
    pages: int = 1


def decode(
    path: Source, size: tuple[int, int] | None, options: PixelOptions = SIXTEEN_BITS
) -> NDArray[np.uint8]:
    """Decode an image to upright RGB, uint8 `[H, W, 3]`.

    Transparency is composited on white; gray of more than 8 bits is scaled by `options.depth`,
    and as 16 bits where that is to be judged, which takes a set of images; colors of 16 bits lose
    their lower 8; of an animation or several pages the first is decoded; the EXIF orientation is
    applied.

    Args:
        path: the file, or its content; the format is detected from the content.
        size: (height, width) in pixels to resize to, bilinear with antialiasing; None keeps the
            size.
        options: depth, resizing mode and limit of pixels.

    Raises:
        UnreadableImage: the file is missing, empty, truncated, not an image, needs a package that
            is not installed, or has more pixels than `options.max_pixels`.
    """
    return decode_with_range(path, size, options).pixels


def decode_with_range(path: Source, size: tuple[int, int] | None, options: PixelOptions) -> Decoded:
    """Decode an image as `decode` does, and return the range of its values and its pages, too."""
    if options.max_pixels is None or options.max_pixels >= LARGEST:
        plain = decode_plain_jpeg(path, size)
        if plain is not None:
            return Decoded(plain)
    with open_source(path) as (file, start), open_image(file, start, options.max_pixels) as image:
        if size and image.size != (size[1], size[0]):
            # JPEG decodes cheaply at 1/2, 1/4 or 1/8; twice the target size leaves no trace.
            image.draft(None, (2 * max(size), 2 * max(size)))
        states_scale, pages = _states_scale(image), page_count(image)
        image.load()
        return _finish(image, size, options, states_scale)._replace(pages=pages)


def to_pixels(
    image: Image.Image, size: tuple[int, int] | None, options: PixelOptions = SIXTEEN_BITS
) -> NDArray[np.uint8]:
    """Return an image in memory as `decode` returns one from a file, uint8 [H, W, 3].

    >>> to_pixels(Image.new("L", (8, 6), 100), (3, 4)).shape
    (3, 4, 3)
    """
    return _finish(image, size, options, _states_scale(image)).pixels


def _finish(
    image: Image.Image, size: tuple[int, int] | None, options: PixelOptions, states_scale: bool
) -> Decoded:
    """Bring an image to 8 bits, upright, RGB and the size."""
    turn = TURNS.get(orientation(image))
    found = None
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        # Pillow clips at 255 instead of scaling, which would make most pixels white.
        values = np.asarray(image)
        scale = FULL if states_scale else options.scale or FULL
        found = None if states_scale else value_range(values)
        image = Image.fromarray(to_eight_bits(values, scale, _white_is_low(image)))
    rgb = _rgb(image if turn is None else image.transpose(turn))
    if size is not None:
        rgb = fit_image(rgb, size, options.fit or "squash")
    return Decoded(np.array(rgb), found)


def _states_scale(image: Image.Image) -> bool:
    """Return whether Pillow scales an image to 16 bits by the greatest value that its file states.

    So it is with PGM, but where that is 65,535: many programs state it and mean fewer bits.
    """
    tiles = getattr(image, "tile", [])[:1]
    return any(name.startswith("ppm") and states[-1] != FULL[1] for name, _, _, states in tiles)


def _white_is_low(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", {})  # Pillow inverts TIFF of 8 bits itself
    return bool(image.info.get(WHITE_IS_LOW)) or tags.get(PHOTOMETRIC) == WHITE_IS_ZERO


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")
