"""Noise images whose label is easy to see."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def draw(labels: NDArray[np.int64], size: int, seed: int) -> NDArray[np.uint8]:
    """Draw noise in which label 1 is brighter on the left: easy, yet not at once perfect."""
    random = np.random.default_rng(seed)
    images = random.normal(110, 40, (len(labels), size, size, 3))
    images[:, :, : size // 2] += 25 * labels[:, None, None, None]
    return images.clip(0, 255).astype(np.uint8)


def write_folder(
    folder: Path, images: int = 120, minority: int = 30, size: int = 32, seed: int = 0
) -> Path:
    """Write a data folder in the founding layout and return it."""
    labels = np.ones(images, dtype=np.int64)
    labels[np.random.default_rng(seed).permutation(images)[:minority]] = 0
    for part, count in (("train_img", images), ("val_img", 15)):
        (folder / part).mkdir(parents=True)
        drawn = draw(labels[:count], size, seed)
        for number, pixels in enumerate(drawn, 1):
            Image.fromarray(pixels).save(folder / part / f"{number:06d}.png")
    (folder / "label_train.txt").write_text("".join(f"{label}\n" for label in labels))
    return folder
