"""Torchvision's networks without the layers that repeat others: as many kinds, fewer of each."""

import pytest
from torch import nn
from torchvision import models
from torchvision.models import densenet

from imbclf.models import torchvision_models


def build_shallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Build every network of torchvision, from options or from a file, shallow from now on."""
    get_densenet, get_model = densenet._densenet, models.get_model

    def shallow_densenet(growth: int, blocks: tuple[int, ...], *others: object) -> nn.Module:
        network: nn.Module = get_densenet(growth, tuple(range(1, len(blocks) + 1)), *others)
        return network

    def shallow(name: str, **options: object) -> nn.Module:
        return without_repeats(get_model(name, **options))

    # Each layer of a dense block is wider than the one before.
    monkeypatch.setattr(densenet, "_densenet", shallow_densenet)
    monkeypatch.setattr(torchvision_models, "get_model", shallow)


def without_repeats(network: nn.Module) -> nn.Module:
    """Remove each block of a sequence that has the shapes and settings of an earlier one in it."""
    for stage in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        seen = set()
        for name, block in [*stage.named_children()]:
            kind = _kind(block)
            if kind in seen and [*block.children()]:
                delattr(stage, name)
            seen.add(kind)
    return network


def _kind(block: nn.Module) -> str:
    """Describe shapes and whole-number settings, among them the shifts of windows."""
    settings = [
        (type(module), {k: v for k, v in vars(module).items() if isinstance(v, int | list | tuple)})
        for module in block.modules()
    ]
    return str((settings, [weights.shape for weights in block.state_dict().values()]))
