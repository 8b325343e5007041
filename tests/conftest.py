"""Small images that tests share, and one thread for each process that runs tests."""

import os

from helpers.noise_images import draw

# Before torch is imported: many small operations on many threads wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.pop("MLFLOW_TRACKING_URI", None)  # stores of tests are their own

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

# The same examples in every run, however long a busy machine takes for one.
settings.register_profile("imbclf", deadline=None, derandomize=True)
settings.load_profile("imbclf")


@pytest.fixture(autouse=True)
def no_tracking_address_is_left_behind() -> Iterator[None]:
    """MLflow mirrors a global address in the environment, where every later test would use it."""
    yield
    assert "MLFLOW_TRACKING_URI" not in os.environ


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Make a data folder in the founding layout and return it."""

    def make(images: int = 120, minority: int = 30, size: int = 32, seed: int = 0) -> Path:
        folder = tmp_path / "faces"
        labels = np.ones(images, dtype=np.int64)
        labels[np.random.default_rng(seed).permutation(images)[:minority]] = 0
        for part, count in (("train_img", images), ("val_img", 15)):
            (folder / part).mkdir(parents=True)
            drawn = draw(labels[:count], size, seed)
            for number, pixels in enumerate(drawn, 1):
                Image.fromarray(pixels).save(folder / part / f"{number:06d}.png")
        text = "".join(f"{label}\n" for label in labels)
        (folder / "label_train.txt").write_text(text)
        return folder

    return make
