"""A logistic regression on what a pretrained network says, kept beside the network that is trained.

Fine-tuning on few images of the minority forgets part of what the pretrained network knew. A
regression on its features as they were makes other mistakes, and the mean of the two logits fewer
than either (Kumar et al., Calibrated ensembles, UAI 2022). Stages before the last hold much that
the last has dropped (Evci et al., Head2Toe, ICML 2022).
"""

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torchvision.models import SwinTransformer

from imbclf.freezing import stages_of

STAGES = 4
SIZE = 20_000
PRIOR_VARIANCE = 5.0


def stage_features(network: nn.Module, pixels: Tensor) -> Tensor:
    """Give what the last four stages of a network say of images, averaged over positions.

    Args:
        network: one of torchvision's, its head cut.
        pixels: normalised images [N, 3, H, W].

    Returns:
        float32 [N, D]: means over positions of the outputs of the three stages before the last,
        and the network's own output.

    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3), nn.Flatten())
    >>> stage_features(network, torch.zeros(2, 3, 6, 6)).shape  # 8 + 4 * 2 * 2
    torch.Size([2, 24])
    """
    channels_last = isinstance(network, SwinTransformer)
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


def probe_sample(labels: NDArray[np.int64], size: int, seed: int) -> NDArray[np.int64]:
    """Draw positions in labels `[N]`, ascending: `size` at most, half of each class where it can.

    >>> probe_sample(np.array([0, 1, 1, 1, 1, 1]), size=3, seed=0).shape
    (3,)
    """
    generator = np.random.default_rng(seed)
    of_class = [generator.permutation(np.flatnonzero(labels == label)) for label in (0, 1)]
    least = min(len(of_class[0]), len(of_class[1]), size // 2)
    chosen = [positions[: max(size // 2, size - least)] for positions in of_class]
    return np.sort(np.concatenate(chosen))


class Probe(nn.Module):
    """logit = w . (stage features - mean) / deviation + b, of a network that is never trained.

    w is the most probable one a posteriori of a logistic regression with both classes weighted
    alike, under a Gaussian prior by which logits have a variance of about 5: features that
    say little of the labels give logits near 0. As many images count as 4 n0 n1 / (n0 + n1).

    Args:
        network: a copy of it is kept.
        width: D, the number of its stage features.

    >>> probe = Probe(nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten()), width=8)
    >>> probe(torch.zeros(1, 3, 4, 4)).tolist()
    [0.0]
    """

    mean: Tensor
    deviation: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, network: nn.Module, width: int) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))
        self.register_buffer("weight", torch.zeros(width))
        self.register_buffer("bias", torch.zeros(()))

    def train(self, mode: bool = True) -> "Probe":  # noqa: ARG002
        """Stay in evaluation mode, whatever is asked."""
        return super().train(False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Give the logits [N] of normalised images [N, 3, H, W]."""
        features = stage_features(self.network, pixels)
        standardised = (features - self.mean) / self.deviation
        return torch.sum(standardised * self.weight, dim=1) + self.bias  # no bfloat16 in a product

    def fit(self, features: Tensor, labels: NDArray[np.int64]) -> None:
        """Fit to stage features [M, D] and labels [M] of both classes."""
        self.mean.copy_(features.mean(dim=0))
        self.deviation.copy_(features.std(dim=0).clamp_min(1e-6))
        standardised = ((features - self.mean) / self.deviation).cpu().numpy()
        zero, one = np.bincount(labels, minlength=2)
        precision = features.shape[1] / PRIOR_VARIANCE
        regression = LogisticRegression(
            C=4 * zero * one / (zero + one) ** 2 / precision, class_weight="balanced", max_iter=1000
        )
        regression.fit(standardised, labels)
        self.weight.copy_(torch.from_numpy(regression.coef_[0]))
        self.bias.fill_(float(regression.intercept_[0]))
