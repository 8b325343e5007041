"""Features of several stages of a network, averaged over positions."""

import copy
from collections.abc import Sequence

import torch
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
    network: nn.Module, pixels: Tensor, stages: Sequence[str] | None = None
) -> Tensor:
    """Return the outputs of the last four stages of a network, averaged over positions.

    Args:
        network: one of torchvision's or timm's, without its head.
        pixels: normalized images [N, 3, H, W].
        stages: names of the stages before the last; None for `last_stages`.

    Returns:
        float32 [N, D]: means over positions of the outputs of the three stages before the last,
        and the network's own output.

    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3), nn.Flatten())
    >>> stage_features(network, torch.zeros(2, 3, 6, 6)).shape  # 8 + 4 * 2 * 2
    torch.Size([2, 24])
    """
    stated = getattr(network, "output_fmt", None)  # of timm
    channels_last = isinstance(network, SwinTransformer) or str(stated).endswith("NHWC")
    means: list[Tensor] = []

    def keep(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        means.append(_mean_over_positions(output, channels_last))

    names = last_stages(network) if stages is None else stages
    hooks = [network.get_submodule(name).register_forward_hook(keep) for name in names]
    try:
        output = network(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat([*means, output.float()], dim=1)


def stage_width(network: nn.Module, side: int) -> int:
    """Return the number of `stage_features` for images of `side` pixels; nothing is computed.

    >>> stage_width(nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3), nn.Flatten()), side=6)
    24
    """
    shapes = copy.deepcopy(network).to("meta").eval()
    with torch.no_grad():
        return stage_features(shapes, torch.empty(1, 3, side, side, device="meta")).shape[1]


def _mean_over_positions(output: Tensor, channels_last: bool) -> Tensor:
    """Average [N, C, H, W], [N, H, W, C] or tokens [N, T, C] to [N, C]."""
    output = output.float()
    if output.ndim == 4 and not channels_last:
        return output.mean(dim=(2, 3))
    return output.flatten(1, -2).mean(dim=1) if output.ndim > 2 else output
