"""`predictor.json`, which says what the weights beside it are and how they are to be used."""

from collections.abc import Mapping
from typing import Any

from imbclf.data.decoding import MOST_PIXELS

FORMAT = 2
MANIFEST = "predictor.json"


def read_size(stored: Mapping[str, Any]) -> tuple[int, int]:
    """Read the (height, width) of a predictor's images.

    Raises:
        KeyError, TypeError, ValueError: there is none, or no image has that size.
    """
    height, width = stored["image_size"]
    if not all(type(side) is int and side > 0 for side in (height, width)):
        raise ValueError("image_size: expected height and width in pixels")
    if height * width > MOST_PIXELS:
        raise ValueError(f"image_size: {height}x{width} pixels are more than any image may have")
    return height, width


def read_names(stored: Mapping[str, Any]) -> tuple[str, str]:
    """Read how a predictor spells label 0 and label 1.

    Raises:
        KeyError, TypeError, ValueError: there are no two words of one line.
    """
    zero, one = stored["label_names"]
    if not all(isinstance(name, str) and len(name.splitlines()) < 2 for name in (zero, one)):
        raise ValueError("label_names: expected two words, each of one line")
    return zero, one
