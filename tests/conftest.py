"""Small images that tests share, and one thread for each process that runs tests."""

import os

from helpers.noise_images import write_folder

# Before torch is imported: many small operations on many threads wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.pop("MLFLOW_TRACKING_URI", None)  # stores of tests are their own

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, however long a busy machine takes for one.
settings.register_profile("imbclf", deadline=None, derandomize=True)
settings.load_profile("imbclf")


@pytest.fixture(autouse=True)
def environment_is_put_back() -> Iterator[None]:
    """Remove what Hydra, MLflow and Lightning left in the environment, or fail for an address.

    MLflow mirrors a global address there, where every later test would use it; and with any other
    environment than the command server's, every later command would be a fresh process.
    """
    before = dict(os.environ)
    yield
    assert "MLFLOW_TRACKING_URI" not in os.environ
    for name in os.environ.keys() - before.keys():
        if name.lstrip("_").startswith(("HYDRA_", "MLFLOW_", "PL_")):
            del os.environ[name]


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Make a data folder in the founding layout and return it."""

    def make(images: int = 120, minority: int = 30, size: int = 32, seed: int = 0) -> Path:
        return write_folder(tmp_path / "faces", images, minority, size, seed)

    return make
