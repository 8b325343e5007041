"""Fold models of one frozen network, which sees each image once for all of them."""

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor, nn

from imbclf.models.backbone import Backbone
from imbclf.models.view_average import around_average
from imbclf.prediction.fold_model import FoldModel


class SharedBackbone(nn.Module):
    """The logits of M backbones that differ in their heads alone.

    Args:
        backbones: of one and the same network, with heads on its stages.
    """

    averages_features = True

    def __init__(self, backbones: Sequence[Backbone]) -> None:
        super().__init__()
        self.backbone = backbones[0]
        self.heads = nn.ModuleList(one.head for one in backbones)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits [N, M] of images [N, H, W, 3] in 0..255."""
        return self.judge(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """Return what enters the heads, [N, D], for images as in `forward`."""
        return self.backbone.features(images)

    def judge(self, features: Tensor) -> Tensor:
        """Return the logits [N, M] of features [N, D]."""
        return torch.stack([self.backbone.judge(features, head) for head in self.heads], dim=1)


def group_by_network(models: Sequence[FoldModel]) -> list[list[FoldModel]]:
    """Return fold models in their order, those together that follow another on one network."""
    return [list(group) for _, group in groupby(models, key=_identity)]


def _identity(model: FoldModel) -> int:
    return id(model.backbone.network if model.probe is None else model.probe)


def joint_network(models: Sequence[FoldModel]) -> nn.Module:
    """Return a network from uint8 images to the logits, [N, M] or of one model [N], of a group."""
    if len(models) == 1:
        return models[0].network
    return SharedBackbone([model.backbone for model in models])


def ensemble_networks(models: Sequence[FoldModel]) -> nn.ModuleList:
    """Return the `joint_network` of each group of fold models."""
    return nn.ModuleList(joint_network(group) for group in group_by_network(models))


def all_logits(networks: nn.ModuleList, images: Tensor, views: int = 1) -> Tensor:
    """Return the logits [N, M] that the networks of an ensemble have of N images.

    Args:
        networks: from uint8 images to logits [N] or [N, M].
        images: first one view of all, then the next, [`views` N, H, W, 3].
        views: of each image, over which is averaged (`around_average`).
    """
    found = []
    for network in networks:
        each, last = around_average(network)
        of_views = each(images)
        found.append(last(of_views.view(views, -1, *of_views.shape[1:]).mean(dim=0)))
    return torch.cat([one if one.ndim == 2 else one[:, None] for one in found], dim=1)
