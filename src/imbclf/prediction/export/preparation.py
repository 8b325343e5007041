"""How an image file becomes the pixels that an exported graph takes, in words and as code."""

from typing import Any

from imbclf.data.pixel_options import FULL, PixelOptions

START = """\
import numpy as np
from PIL import Image, ImageOps


def prepare(path, width={width}, height={height}):
    image = Image.open(path)
    image.draft(None, (2 * max(width, height),) * 2)
    image = ImageOps.exif_transpose(image).convert("RGB")
"""
SQUASH = """\
    image = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
"""
CROP = """\
    scale = max(width / image.width, height / image.height)
    left, top = (image.width - width / scale) / 2, (image.height - height / scale) / 2
    box = (max(left, 0), max(top, 0), left + width / scale, top + height / scale)
    box = (*box[:2], min(box[2], image.width), min(box[3], image.height))
    image = image.resize((width, height), Image.Resampling.BILINEAR, box, 3.0)
"""
PAD = """\
    scale = min(width / image.width, height / image.height)
    inside = [max(1, round(side * scale)) for side in image.size]
    inside = min(inside[0], width), min(inside[1], height)
    inner = image.resize(inside, Image.Resampling.BILINEAR, reducing_gap=3.0)
    image = Image.new("RGB", (width, height))
    image.paste(inner, ((width - inner.width) // 2, (height - inner.height) // 2))
"""
END = "    return np.asarray(image)[None]  # uint8 [1, height, width, 3]\n"
FITS = {
    "squash": (SQUASH, "to exactly this size, whatever the shape was"),
    "crop": (CROP, "the middle part of the same shape"),
    "pad": (PAD, "as a whole, in the middle of black"),
}


def preparation(size: tuple[int, int], options: PixelOptions) -> dict[str, Any]:
    """Return how images are prepared for a predictor of a (height, width); JSON-able.

    `python` is a function for images of 8 bits that needs Pillow and NumPy alone; it returns the
    pixels that imbclf itself decodes.

    >>> found = preparation((64, 48), PixelOptions())
    >>> found["size"], found["resize"]
    ([64, 48], 'bilinear with antialiasing, to exactly this size, whatever the shape was')
    >>> len(found["python"].splitlines())
    10
    """
    height, width = size
    code, words = FITS[options.fit or "squash"]
    low, high = options.scale or FULL
    return {
        "size": [height, width],
        "colors": "RGB in this order, 0 to 255, not normalized: the graph does that",
        "orientation": "as EXIF says",
        "transparency": "on white",
        "more_than_8_bits": f"gray values {low:g} to {high:g} become 0 to 255",
        "resize": f"bilinear with antialiasing, {words}",
        "python": START.format(width=width, height=height) + code + END,
    }
