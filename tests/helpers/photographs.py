"""Real photographs in many small pieces, and pictures that were made from others."""

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from sklearn.datasets import load_sample_images

SIDE = 64


@cache
def pieces() -> NDArray[np.uint8]:
    """Cut scikit-learn's two photographs into 120 squares, uint8 `[120, 64, 64, 3]`."""
    found = [
        photograph[top : top + SIDE, left : left + SIDE]
        for photograph in load_sample_images().images
        for top in range(0, photograph.shape[0] - SIDE, SIDE)
        for left in range(0, photograph.shape[1] - SIDE + 1, SIDE)
    ]
    return np.stack(found)


def brighter(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    return recompressed(ImageEnhance.Brightness(Image.fromarray(image)).enhance(factor))


def cut_out(image: NDArray[np.uint8], side: float, top: float, left: float) -> NDArray[np.uint8]:
    """Enlarge a window, in pixels, to the whole."""
    box = (left, top, left + side, top + side)
    whole = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
    return recompressed(whole)


def recompressed(image: Image.Image) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return np.asarray(Image.open(buffer))


def near_duplicates(
    images: NDArray[np.uint8], count: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Make near duplicates of `count` images, by turns brighter or darker and cut out.

    They are made from images that show something: of a clear sky nobody could tell.

    Returns:
        The duplicates, and which images they were made from.
    """
    random = np.random.default_rng(seed)
    eventful = np.flatnonzero(images.std(axis=(1, 2)).mean(axis=1) > 15)
    chosen = random.choice(eventful, count, replace=False)
    made = []
    for number, row in enumerate(chosen):
        if number % 2:
            made.append(brighter(images[row], random.choice([0.7, 0.85, 1.15, 1.3])))
        else:
            side = SIDE * random.uniform(0.9, 0.98)
            made.append(cut_out(images[row], side, *random.uniform(0, SIDE - side, 2)))
    return np.stack(made), chosen
