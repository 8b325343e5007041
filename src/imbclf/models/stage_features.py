"""Features of several stages of a network, pooled over positions."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models import SwinTransformer

from imbclf.models.freezing import stages_of

STAGES = 4


def last_stages(network: nn.Module) -> tuple[str, ...]:
    """Return the names of the three stages before the last.

    >>> last_stages(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten()))
    ('0',)
    """
    names = {module: name for name, module in network.named_modules()}
    return tuple(names[stage] for stage in stages_of(network)[-STAGES:-1])


def stage_features(
    network: nn.Module,
    pixels: Tensor,
    stages: Sequence[str] | None = None,
    maxima: bool = True,
) -> Tensor:
    """Return the outputs of the last four stages of a network, pooled over positions.

    A mean says what an image shows, a maximum whether something small is anywhere in it.

    Args:
        network: one of torchvision's or timm's, without its head.
        pixels: normalized images [N, 3, H, W].
        stages: names of the stages before the last; None for `last_stages`.
        maxima: whether maxima of these stages follow the means.

    Returns:
        float32 [N, D]: means over positions of the outputs of the three stages before the last,
        the network's own output, and maxima over positions of the outputs of the three stages.

    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3), nn.Flatten())
    >>> stage_features(network, torch.zeros(2, 3, 6, 6)).shape  # 8 + 4 * 2 * 2 + 8
    torch.Size([2, 32])
    """
    outputs, own = _outputs(network, pixels, stages)
    means = [output.mean(dim=1) for output in outputs]
    largest = [output.amax(dim=1) for output in outputs] if maxima else []
    return torch.cat([*means, own, *largest], dim=1)


def stages_of_features(network: nn.Module, side: int, maxima: bool = True) -> NDArray[np.int64]:
    """Return which stage each of the `stage_features` comes from, int64 [D]; nothing is computed.

    Stages count from 0; the network's own output is the last. Images have `side` pixels.

    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3), nn.Flatten())
    >>> np.bincount(stages_of_features(network, side=6)).tolist()
    [16, 16]
    """
    shapes = copy.deepcopy(network).to("meta").eval()
    with torch.no_grad():
        outputs, own = _outputs(shapes, torch.empty(1, 3, side, side, device="meta"), None)
    widths = [output.shape[2] for output in outputs]
    kept = [*widths, own.shape[1], *(widths if maxima else [])]
    numbers = [*range(len(widths) + 1), *(range(len(widths)) if maxima else [])]
    return np.repeat(np.array(numbers, np.int64), kept)


def _outputs(
    network: nn.Module, pixels: Tensor, stages: Sequence[str] | None
) -> tuple[list[Tensor], Tensor]:
    """Return the outputs [N, P, C] of stages at all positions, and the network's own [N, C]."""
    stated = getattr(network, "output_fmt", None)  # of timm
    channels_last = isinstance(network, SwinTransformer) or str(stated).endswith("NHWC")
    outputs: list[Tensor] = []

    def keep(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        outputs.append(_positions(output, channels_last))

    names = last_stages(network) if stages is None else stages
    hooks = [network.get_submodule(name).register_forward_hook(keep) for name in names]
    try:
        own: Tensor = network(pixels).float()
    finally:
        for hook in hooks:
            hook.remove()
    return outputs, own


def _positions(output: Tensor, channels_last: bool) -> Tensor:
    """Bring [N, C, H, W], [N, H, W, C], tokens [N, P, C] or features [N, C] to [N, P, C]."""
    output = output.float()
    if output.ndim == 2:
        return output[:, None]
    if output.ndim == 4 and not channels_last:
        output = output.permute(0, 2, 3, 1)
    return output.flatten(1, -2)
