"""A probe on the features of a pretrained network before fine-tuning.

Fine-tuning on few images of the minority forgets part of the pretrained features. Earlier stages
hold information that the last one discards (Evci et al., Head2Toe, ICML 2022).
"""

import copy

import torch
from torch import Tensor, nn
from torchvision.models import SwinTransformer

from imbclf.models.freezing import stages_of
from imbclf.models.probes.base import Probe

STAGES = 4


def stage_features(network: nn.Module, pixels: Tensor) -> Tensor:
    """Return the outputs of the last four stages of a network, averaged over positions.

    Args:
        network: one of torchvision's or timm's, without its head.
        pixels: normalized images [N, 3, H, W].

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

    hooks = [stage.register_forward_hook(keep) for stage in stages_of(network)[-STAGES:-1]]
    try:
        output = network(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.cat([*means, output.float()], dim=1)


def _mean_over_positions(output: Tensor, channels_last: bool) -> Tensor:
    """Average [N, C, H, W], [N, H, W, C] or tokens [N, T, C] to [N, C]."""
    output = output.float()
    if output.ndim == 4 and not channels_last:
        return output.mean(dim=(2, 3))
    return output.flatten(1, -2).mean(dim=1) if output.ndim > 2 else output


class StageProbe(Probe):
    """A regression on `stage_features` of a network before its training.

    Args:
        network: is copied.
        side: of the square images that it takes, in pixels.

    >>> probe = StageProbe(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten()), side=4)
    >>> probe(torch.zeros(1, 3, 4, 4)).tolist()
    [0.0]
    """

    def __init__(self, network: nn.Module, side: int) -> None:
        shapes = copy.deepcopy(network).to("meta").eval()
        with torch.no_grad():
            features = stage_features(shapes, torch.empty(1, 3, side, side, device="meta"))
        super().__init__(width=features.shape[1])
        self.network = copy.deepcopy(network).requires_grad_(False).eval()

    def describe(self, pixels: Tensor) -> Tensor:
        """Return the network's `stage_features` of normalized images [N, 3, H, W]."""
        return stage_features(self.network, pixels)

    def learn_features(self, network: nn.Module, pixels: Tensor, seed: int) -> None:  # noqa: ARG002
        """Copy the current weights of the network."""
        self.network.load_state_dict(network.state_dict())
