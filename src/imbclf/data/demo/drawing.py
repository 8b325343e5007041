"""Shapes and colors in the coordinate frame of a face."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Points = NDArray[np.float64]
Color = NDArray[np.float64]

_ANGLES = np.linspace(0, 2 * np.pi, 33)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


def oval(x: float, y: float, rx: float, ry: float, corners: float = 2.0) -> Points:
    """Return the outline |u / rx|^corners + |v / ry|^corners = 1 around (x, y), float64 `[33, 2]`.

    `corners` 2 is an ellipse, more is squarer (Lame's curve). It runs from the right over the
    bottom, `[:17]`, and back over the top, `[16:]`.

    >>> oval(0, 0, 2, 1)[[0, 8, 16, 24]].round().tolist()
    [[2.0, 0.0], [0.0, 1.0], [-2.0, 0.0], [-0.0, -1.0]]
    """
    unit: Points = np.sign(_CIRCLE) * np.abs(_CIRCLE) ** (2 / corners)
    return unit * (rx, ry) + (x, y)


def random_color(random: Generator) -> Color:
    """Draw a uniformly random color, float64 `[3]` in 10 to 245."""
    return random.uniform(10, 245, size=3)


def palette_color(palette: NDArray[np.int64], random: Generator) -> Color:
    """Draw a color, float64 `[3]`, interpolated between adjacent rows of the palette `[P, 3]`.

    >>> grays = np.array([[0, 0, 0], [9, 9, 9], [90, 90, 90]])
    >>> gray = palette_color(grays, np.random.default_rng(0))
    >>> bool(0 <= gray[0] == gray[1] == gray[2] <= 90)
    True
    """
    place = random.uniform(0, len(palette) - 1)
    first = int(place)
    color: Color = palette[first] + (place - first) * (palette[first + 1] - palette[first])
    return color


@dataclass(frozen=True)
class Sketch:
    """A canvas for shapes in the frame of the face.

    The frame's origin is the center of the head, x points right and y down, and 1 is half the
    height of the head.

    Args:
        canvas: canvas that blends colors by opacity.
        axes: the frame's x and y axis in pixels, float64 `[2, 2]`, one a row.
        origin: the frame's origin in pixels, float64 `[2]`.
    """

    canvas: ImageDraw.ImageDraw
    axes: NDArray[np.float64]
    origin: NDArray[np.float64]

    def fill(self, outline: Points, color: Color, opacity: float = 1.0) -> None:
        """Fill the outline `[P, 2]`."""
        self.canvas.polygon(self._pixels(outline), fill=_ink(color, opacity))

    def stroke(self, line: Points, color: Color, width: float, opacity: float = 1.0) -> None:
        """Draw the line `[P, 2]` with the given width."""
        pixels = max(1, round(width * float(np.hypot(*self.axes[0]))))
        self.canvas.line(self._pixels(line), fill=_ink(color, opacity), width=pixels)

    def _pixels(self, points: Points) -> list[float]:
        pixels: list[float] = (points @ self.axes + self.origin).ravel().tolist()
        return pixels


def _ink(color: Color, opacity: float) -> tuple[int, ...]:
    red, green, blue = (min(255, max(0, int(part))) for part in color)
    return red, green, blue, round(255 * opacity)


def pose(image: Image.Image, random: Generator) -> Sketch:
    """Return a sketch on a square image with a slightly shifted, scaled and tilted frame."""
    tilt, scale = random.normal(0, 0.07), image.width * random.uniform(0.38, 0.44)
    axes = scale * np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    origin = image.width * random.uniform(0.47, 0.53, size=2)
    return Sketch(ImageDraw.Draw(image, "RGBA"), axes, origin)
