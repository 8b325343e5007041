"""Figures and images as `data:` addresses, which a page shows without a network."""

import base64
import io
import warnings

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

THUMBNAIL = 112  # pixels, the width that a page shows them at
LOSSLESS = 128  # pixels, up to which an image is embedded bit for bit; larger ones as JPEG
QUALITY = 85  # of JPEG
HEAT = (255, 120, 0)  # the color of a heat map
STRONGEST = 0.85  # opacity of heat 1


def svg(figure: Figure) -> str:
    """Return a figure as SVG; the same figure gives the same text."""
    FigureCanvasSVG(figure)
    buffer = io.BytesIO()
    # Text stays text: the reader's fonts cover more languages than matplotlib's, which would warn
    # of each letter that it lacks.
    with (
        matplotlib.rc_context({"svg.hashsalt": "imbclf", "svg.fonttype": "none"}),
        warnings.catch_warnings(),
    ):
        for message in ("Glyph .* missing from", "Matplotlib currently does not support"):
            warnings.filterwarnings("ignore", message, UserWarning)
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue().decode()


def svg_address(figure: Figure) -> str:
    """Return a figure as an address.

    >>> svg_address(Figure())[:26]
    'data:image/svg+xml;base64,'
    """
    return _address("svg+xml", svg(figure).encode())


def image_address(image: NDArray[np.uint8]) -> str:
    """Return an image, uint8 `[H, W, 3]`: a small one as PNG, bit for bit, a larger one as JPEG.

    >>> image_address(np.zeros((2, 2, 3), np.uint8))[:22]
    'data:image/png;base64,'
    >>> image_address(np.zeros((200, 200, 3), np.uint8))[:23]
    'data:image/jpeg;base64,'
    """
    buffer = io.BytesIO()
    kind = "png" if max(image.shape[:2]) <= LOSSLESS else "jpeg"
    Image.fromarray(image).save(buffer, format=kind, quality=QUALITY)
    return _address(kind, buffer.getvalue())


def heat_address(heat: NDArray[np.float64]) -> str:
    """Return a heat map `[h, w]`, 0 to 1, as a PNG that is the more opaque the hotter it is.

    >>> heat_address(np.zeros((2, 2)))[:22]
    'data:image/png;base64,'
    """
    buffer = io.BytesIO()
    colors = np.empty((*heat.shape, 4), np.uint8)
    colors[..., :3] = HEAT
    colors[..., 3] = (255 * STRONGEST * heat).round()
    Image.fromarray(colors).save(buffer, format="png")
    return _address("png", buffer.getvalue())


def _address(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def thumbnail(image: NDArray[np.uint8], side: int = THUMBNAIL) -> NDArray[np.uint8]:
    """Return an image `[H, W, 3]` shrunk to at most `side` pixels; a small one stays as it is.

    >>> thumbnail(np.zeros((448, 224, 3), np.uint8)).shape
    (112, 56, 3)
    """
    if max(image.shape[:2]) <= side:
        return image
    shrunk = Image.fromarray(image)
    shrunk.thumbnail((side, side))
    return np.asarray(shrunk)
