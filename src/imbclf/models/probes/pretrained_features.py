"""A probe on the features of a pretrained network before fine-tuning.

Fine-tuning on few images of the minority forgets part of the pretrained features. Earlier stages
hold information that the last one discards (Evci et al., Head2Toe, ICML 2022).
"""

import copy

from torch import Tensor, nn

from imbclf.models.probes.base import Probe
from imbclf.models.stage_features import stage_features, stages_of_features


class StageProbe(Probe):
    """A regression on `stage_features` of a network before its training.

    Args:
        network: is copied.
        side: of the square images that it takes, in pixels.
        maxima: whether features are means and maxima over positions, or means alone.
        kernels: whether the regression is on kernels (`Probe`).

    >>> import torch
    >>> probe = StageProbe(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten()), side=4, maxima=True)
    >>> probe(torch.zeros(1, 3, 4, 4)).tolist()
    [0.0]
    """

    def __init__(self, network: nn.Module, side: int, maxima: bool, kernels: bool = False) -> None:
        super().__init__(len(stages_of_features(network, side, maxima)), kernels)
        self.maxima = maxima
        self.network = copy.deepcopy(network).requires_grad_(False).eval()

    def describe(self, pixels: Tensor) -> Tensor:
        """Return the network's `stage_features` of normalized images [N, 3, H, W]."""
        return stage_features(self.network, pixels, maxima=self.maxima)

    def learn_features(self, network: nn.Module, pixels: Tensor, seed: int) -> None:  # noqa: ARG002
        """Copy the current weights of the network."""
        self.network.load_state_dict(network.state_dict())
