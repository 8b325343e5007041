"""A torchvision classifier as a network with one logit per image."""

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.models.architecture import Architecture
from imbclf.models.autocast import without_autocast
from imbclf.models.fast_conv import fast_network
from imbclf.models.heads import Head
from imbclf.models.stage_features import last_stages, stage_features


class Backbone(nn.Module):
    """A network without its last layer, and a head of one logit in place of that layer.

    logits = head(features(images))

    Args:
        network: normalized images [N, 3, H, W] to features [N, D].
        head: features [N, D] to logits [N].
        architecture: how the network was built, and at which size and normalization.
        fast_conv: whether to use faster convolutions (`fast_network`).
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        network: nn.Module,
        head: Head,
        architecture: Architecture,
        fast_conv: bool = True,
    ) -> None:
        super().__init__()
        # Of the network as it is given: fused batch norms hold no parameters.
        self.stages = last_stages(network) if head.takes_stages else ()
        self.stages_of_features = np.empty(0, np.int64)
        network = network.to(memory_format=torch.channels_last)
        self.network = fast_network(network) if fast_conv else network
        self.fast_conv = fast_conv
        self.head = head
        self.architecture = architecture
        self.is_pretrained = False
        self.starts_from_patches = False
        mean, std = torch.tensor(architecture["mean"]), torch.tensor(architecture["std"])
        self.register_buffer("scale", 1 / (255 * std), persistent=False)
        self.register_buffer("shift", -mean / std, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Images [N, H, W, 3] in 0..255, uint8 or floating point, to logits [N]."""
        return self.classify(self.normalize(images))

    def classify(self, pixels: Tensor) -> Tensor:
        """Normalized images [N, 3, H', W'] to logits [N]."""
        return self.judge(self.describe(pixels))

    def describe(self, pixels: Tensor) -> Tensor:
        """Normalized images [N, 3, H', W'] to what enters the head, [N, D]."""
        features: Tensor = (
            stage_features(self.network, pixels, self.stages)
            if self.head.takes_stages
            else self.network(pixels)
        )
        return features

    def judge(self, features: Tensor, head: nn.Module | None = None) -> Tensor:
        """Features [N, D] to logits [N], by another head on the same network if one is given."""
        with without_autocast(features.device):
            logits: Tensor = (head or self.head)(_at_least_float32(features))
        return logits

    @property
    def averages_features(self) -> bool:
        """Return whether features are averaged over the views of an image, in place of logits."""
        return self.head.takes_stages

    def with_head(self, head: Head) -> "Backbone":
        """Return a backbone of another head on the same network, which is not copied."""
        other = copy.copy(self)
        other._modules = {**self._modules, "head": head}
        return other

    def features(self, images: Tensor) -> Tensor:
        """Return what enters the head, [N, D], for images as in `forward`."""
        return self.describe(self.normalize(images))

    def normalize(self, images: Tensor) -> Tensor:
        """Return what enters the network, [N, 3, H', W'], for images as in `forward`."""
        width = images.shape[2]
        # Over long rows, not triples: twice as fast.
        rows = images.to(self.scale.dtype).flatten(2)
        rows = torch.addcmul(self.shift.repeat(width), rows, self.scale.repeat(width))
        pixels = rows.view(images.shape).permute(0, 3, 1, 2)  # channels last in memory
        mode = self.architecture.get("interpolation", "bilinear")
        return _resize(pixels, self.architecture["input_size"], mode)

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """Return the parameters of the head."""
        return self.head.parameters()

    def backbone_parameters(self) -> Iterator[nn.Parameter]:
        """Return all parameters but those of the head."""
        return self.network.parameters()


def _at_least_float32(features: Tensor) -> Tensor:
    return features.to(torch.promote_types(features.dtype, torch.float32))


def _resize(pixels: Tensor, size: int | None, mode: str) -> Tensor:
    if size is None or pixels.shape[2:] == (size, size):
        return pixels
    shrinks = size < max(pixels.shape[2:])
    return F.interpolate(pixels, (size, size), mode=mode, antialias=shrinks)
