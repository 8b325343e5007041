"""Drawn faces with and without glasses: a small, hard enough task that needs no download.

A face is painted from back to front, then resized, blurred, lit and given noise. It has what makes
real glasses hard to detect: frames from thick and black to thin and pale, fringes and hats above
them, and eyebrows, make-up and tired eyes that resemble them.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from imbclf.data.demo.drawing import Color, Sketch, oval, palette_color, pose, random_color

GLASSES, NO_GLASSES = 0, 1

SUPERSAMPLING = 3
SKINS = np.array([[92, 58, 42], [150, 100, 72], [205, 155, 122], [236, 196, 168], [250, 222, 202]])
HAIRS = np.array([[22, 18, 18], [62, 40, 28], [122, 78, 44], [206, 168, 104], [150, 60, 30]])
FRAMES = np.array([[25, 22, 25], [85, 50, 30], [120, 118, 120], [190, 160, 90], [150, 30, 40]])
GRAY, DARK, WHITE = np.array([[165.0, 165, 170], [25, 20, 22], [250, 250, 250]])


def paint_background(side: int, random: Generator) -> Image.Image:
    """Return a picture of soft blots in related colors."""
    blots = random.uniform(20, 220) + random.normal(0, 22, 3) + random.normal(0, 22, (4, 4, 3))
    small = Image.fromarray(np.clip(blots, 0, 255).astype(np.uint8))
    return small.resize((side, side), Image.Resampling.BICUBIC)


def paint_head(sketch: Sketch, skin: Color, hair: Color, random: Generator) -> None:
    """Paint long hair or none, clothes, neck, ears and the face."""
    if random.random() < 0.45:
        sketch.fill(oval(0, 0.3, 0.95, random.uniform(1.2, 1.6), 2.5), hair)
    sketch.fill(oval(0, 1.9, 1.4, random.uniform(0.65, 0.85), 2.5), random_color(random))
    sketch.fill(oval(0, 1, 0.36, 0.45, 4), 0.82 * skin)
    for side in (-1, 1):
        sketch.fill(oval(0.72 * side, 0.02, 0.12, 0.22), 0.88 * skin)
    sketch.fill(oval(0, 0, random.uniform(0.68, 0.78), 1, random.uniform(2, 2.6)), skin)


def paint_eyes(sketch: Sketch, skin: Color, hair: Color, random: Generator) -> None:
    """Paint sockets or make-up, eyes, tired lines below them and eyebrows above."""
    made_up = random.random() < 0.2
    shade = random_color(random) * 0.6 if made_up else random.uniform(0.4, 0.9) * skin
    shade_height, shade_opacity = random.uniform(0.12, 0.2), random.uniform(0.2 * made_up, 0.6)
    bag_size, bag_opacity = random.uniform(0.14, 0.26), random.uniform(0, 0.6) ** 1.5
    iris, lid = palette_color(HAIRS, random) * random.uniform(0.5, 1), random.uniform(0.03, 0.1)
    brow_height, brow_width = random.uniform(-0.42, -0.3), random.uniform(0.02, 0.1)
    brow_opacity, slant = random.uniform(0.2, 1), random.normal(0, 0.1)
    for side in (-1, 1):
        x, y = 0.34 * side, -0.1
        sketch.fill(oval(x, y, 0.24, shade_height), shade, shade_opacity)
        sketch.stroke(oval(x, y, bag_size + 0.04, bag_size)[2:15], 0.55 * skin, 0.04, bag_opacity)
        sketch.fill(oval(x, y, 0.16, lid), WHITE, 0.9)
        sketch.fill(oval(x, y, 0.07, min(lid, 0.07)), iris)
        sketch.stroke(oval(x, y, 0.17, lid + 0.01)[16:], DARK, 0.03, 0.8)
        brow = oval(x, brow_height, 0.24, 0.07)[17:32]
        brow[:, 1] += slant * side * (brow[:, 0] - x)
        sketch.stroke(brow, 0.8 * hair, brow_width, brow_opacity)


def paint_nose_and_mouth(sketch: Sketch, skin: Color, hair: Color, random: Generator) -> None:
    """Paint a beard or none, one side of the nose, and the lips."""
    if random.random() < 0.2:
        sketch.fill(oval(0, 0.62, 0.5, 0.42, 2.5), hair, random.uniform(0.2, 0.9))
    nose = np.array([[0.05, -0.1], [0.12, 0.28], [-0.04, 0.3]]) * (random.choice([-1, 1]), 1)
    sketch.stroke(nose, 0.7 * skin, 0.04, random.uniform(0.3, 0.9))
    x = random.uniform(0.2, 0.32) * np.linspace(-1, 1, 9)
    mouth = np.stack([x, 0.56 - random.uniform(-0.5, 2.5) * x**2], axis=1)
    sketch.stroke(mouth, 0.7 * skin + (random.uniform(0, 70), 0, 0), random.uniform(0.04, 0.12))
    if random.random() < 0.3:
        sketch.stroke(mouth[2:7], WHITE, 0.04)


def paint_glasses(sketch: Sketch, random: Generator) -> None:
    """Paint two lenses, clear or dark, their rims, the bridge and the arms."""
    rx, ry = random.uniform(0.24, 0.33), random.uniform(0.17, 0.28)
    y, corners = random.uniform(-0.13, 0.02), random.choice([2.0, 3.0, 5.0])
    frame, width = palette_color(FRAMES, random), random.uniform(0.035, 0.08)
    opacity = random.uniform(0.6, 1)
    rim = slice(16 if random.random() < 0.2 else 0, None)
    tint = random.uniform(0.55, 0.9) if random.random() < 0.2 else random.uniform(0, 0.3)
    glare = random.uniform(0, 0.7) if random.random() < 0.4 else 0.0
    for side in (-1, 1):
        x = 0.35 * side
        lens = oval(x, y, rx, ry, corners)
        sketch.fill(lens, DARK, tint)
        sketch.fill(oval(x - 0.3 * rx, y - 0.3 * ry, 0.4 * rx, 0.3 * ry), WHITE, glare)
        sketch.stroke(lens[rim], frame, width, opacity)
        arm = np.array([[x + rx * side, y - 0.3 * ry], [0.74 * side, -0.08]])
        sketch.stroke(arm, frame, width, opacity)
    sketch.stroke(oval(0, y, 0.36 - rx, 0.06)[16:], frame, width, opacity)


def paint_hair(sketch: Sketch, hair: Color, random: Generator) -> None:
    """Paint a parted fringe, with loose locks or none, or a hat, and the shadow below."""
    hat, bald = random.random() < 0.15, random.random() < 0.08
    parting, depth = random.uniform(-0.4, 0.4), random.uniform(-0.75, -0.4)
    ends = depth if hat else 0.3 * depth - 0.1
    edge = np.array([[-0.82, ends], [0 if hat else parting, depth], [0.82, ends]])
    crown = oval(0, ends, 0.84, ends + random.uniform(1.12, 1.25), 2.3)[16:]
    top = np.concatenate([crown, edge[::-1]])
    below = edge[::-1] + np.array([0, random.uniform(0.05, 0.4)])
    if not bald:
        shadow = np.concatenate([edge, below]) * (0.87, 1)
        sketch.fill(shadow, DARK, random.uniform(0, 0.4))
    if hat:
        color = random_color(random)
        sketch.fill(top, color)
        sketch.stroke(edge * (1.25, 1), 0.7 * color, 0.12)
    elif not bald:
        sketch.fill(top, hair)
        for x in random.uniform(-0.6, 0.6, size=random.choice([0, 0, 5])):
            lock = np.array([[0.8 * x, -0.7], [x, random.uniform(-0.3, 0.1)]])
            sketch.stroke(lock, hair, 0.06, 0.8)


def photograph(picture: Image.Image, size: int, random: Generator) -> NDArray[np.uint8]:
    """Return the picture resized to `size`, blurred, lit from one side and with noise."""
    small = picture.resize((size, size), Image.Resampling.BOX)
    small = small.filter(ImageFilter.GaussianBlur(random.uniform(0, 0.7) * size / 64))
    angle, slope = random.uniform(0, 2 * np.pi), random.uniform(0, 0.3)
    across = np.linspace(-slope, slope, size)
    light = 1 + np.cos(angle) * across + np.sin(angle) * across[:, None]
    tint = random.uniform(0.7, 1.1) * random.uniform(0.9, 1.1, size=3)
    grain = random.normal(0, random.uniform(1, 8), size=(size, size, 3))
    lit = np.asarray(small) * light[..., None] * tint + grain
    photo: NDArray[np.uint8] = np.clip(lit, 0, 255).astype(np.uint8)
    return photo


def draw_face(label: int, seed: int, index: int, size: int = 64) -> NDArray[np.uint8]:
    """Draw face number `index`, uint8 `[size, size, 3]`.

    Label 0 wears glasses, label 1 does not; all else depends only on `seed` and `index`.

    >>> draw_face(GLASSES, seed=0, index=7).shape
    (64, 64, 3)
    """
    # A separate random stream for glasses keeps the rest the same with and without them.
    random, random_glasses = np.random.default_rng([seed, index]).spawn(2)
    picture = paint_background(SUPERSAMPLING * size, random)
    sketch = pose(picture, random)
    skin = palette_color(SKINS, random) + random.normal(0, 6, size=3)
    hair = GRAY if random.random() < 0.1 else palette_color(HAIRS, random)
    paint_head(sketch, skin, hair, random)
    paint_eyes(sketch, skin, hair, random)
    paint_nose_and_mouth(sketch, skin, hair, random)
    if label == GLASSES:
        paint_glasses(sketch, random_glasses)
    paint_hair(sketch, hair, random)
    return photograph(picture, size, random)
