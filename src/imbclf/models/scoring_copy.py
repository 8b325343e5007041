"""A copy of a model that scores many images faster."""

from torch import nn

from imbclf.models.backbone import Backbone
from imbclf.models.fast_conv import fast_network
from imbclf.models.fast_conv.replace import replace_modules


def scoring_copy(model: nn.Module) -> nn.Module:
    """Return a copy of a model in which the batch norms of its backbones are fused.

    `model` stays unchanged, so that other threads may use it meanwhile. It is returned itself if
    there is nothing to fuse, or its backbones were built with `fast_conv=False`.

    Args:
        model: a `Backbone`, or a module that contains some, in evaluation mode.

    >>> from imbclf.models.build import build_backbone
    >>> model = build_backbone("shufflenet_v2_x0_5").eval()
    >>> copy = scoring_copy(model)
    >>> type(model.network.conv1[1]).__name__, type(copy.network.conv1[1]).__name__
    ('BatchNorm2d', 'Identity')
    """
    backbones = [part for part in model.modules() if isinstance(part, Backbone) and part.fast_conv]
    fused = {part.network: fast_network(part.network, fuse_norms=True) for part in backbones}
    return replace_modules(model, {old: new for old, new in fused.items() if new is not old})
