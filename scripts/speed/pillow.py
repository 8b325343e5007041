"""Pillow's own speed: a part of a folder decoded, in a process that imports nothing else."""

import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image


def main() -> None:
    """Decode every n-th image of a folder and print the seconds: FOLDER FIRST N HEIGHT WIDTH."""
    folder, first, step, height, width = sys.argv[1:]
    size = (int(width), int(height))
    files = sorted(Path(folder).iterdir())[int(first) :: int(step)]
    began = time.perf_counter()
    for file in files:
        with Image.open(file) as image:
            picture = image.convert("RGB")
            np.asarray(picture if picture.size == size else picture.resize(size))
    print(time.perf_counter() - began)
