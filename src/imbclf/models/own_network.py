"""A network of the user's own as a backbone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from imbclf.errors import UserError
from imbclf.models.allowed_networks import allow_network, find_network, network_name
from imbclf.models.architecture import check_input_size, describe_other
from imbclf.models.assemble import assemble
from imbclf.models.backbone import Backbone
from imbclf.models.heads import Head, LinearHead, LogitHead
from imbclf.models.own_network_checks import check_plain, make_network, output_width
from imbclf.models.pretrained_weights import copy_weights, existing_file, read_tensors

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean and deviation
SIDE = 64  # of the images that find out the number of features, if no other is known


def build_own_backbone(
    network: Callable[..., nn.Module],
    options: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    weights: str | None = None,
    input_size: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    head: Callable[..., Head] = LinearHead,
    patch_filters: bool = False,
    fast_conv: bool = True,
    image_size: int | tuple[int, int] | None = None,
) -> Backbone:
    """Return a backbone around a network of one's own.

    The network maps normalized images, float `[N, 3, H, W]`, to features `[N, D]`, on which a head
    is trained, or to logits of label 1, `[N]` or `[N, 1]`. `imbclf.testing.check_backbone` tests
    the whole contract.

    Args:
        network: the class, or a function that returns a network. Predictors keep its dotted name.
        options: its arguments; plain values, since predictors keep them.
        name: its dotted name, if `network` does not tell it.
        weights: a file with its state dict (torch or safetensors); None for those it is made with.
        input_size: side in pixels to which images are resized on the device; None leaves them.
        mean: of each color in 0..1 that images are normalized with; None is ImageNet's.
        std: standard deviation of each color in 0..1; None is ImageNet's.
        head: for a network of features, called with `width`.
        patch_filters: as for `build_backbone`.
        fast_conv: as for `build_backbone`.
        image_size: of the images, for a network of one fixed size; `input_size` comes first.

    Raises:
        UserError: the network does not keep to the contract, or an option is invalid.

    >>> import torch
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    >>> def my_net():
    ...     return net
    >>> backbone = build_own_backbone(my_net)
    >>> backbone(torch.zeros(2, 32, 32, 3, dtype=torch.uint8)).shape, backbone.head.in_features
    (torch.Size([2]), 8)
    """
    called, given = name or network_name(network), dict(options or {})
    check_input_size(input_size)
    check_plain(called, given)
    allow_network(called)
    made = make_network(network, called, given)
    if weights is not None:
        path = existing_file(weights, "null, for those that the network is made with")
        copy_weights(made, read_tensors(path), path)
    normal = (IMAGENET[0] if mean is None else mean, IMAGENET[1] if std is None else std)
    width = output_width(made, called, input_size or image_size or SIDE)
    return assemble(
        made,
        describe_other("own", called, input_size, normal, width, given),
        _head_for(called, width, head),
        weights is not None,
        probe=False,
        patch_filters=patch_filters,
        fast_conv=fast_conv,
    )


def rebuild_own_backbone(
    architecture: Mapping[str, Any],
    mean: Sequence[float],
    std: Sequence[float],
    head: Callable[..., Head],
) -> Backbone:
    """Return the backbone that an architecture with `source: own` describes.

    Args:
        architecture: from a file; its network is built only if the user has allowed it.
        mean: of `architecture`, checked to be numbers.
        std: likewise.
        head: called with `width`.

    Raises:
        UserError: the network is not allowed, or cannot be made.
        KeyError, TypeError, ValueError: it is no valid description.
    """
    keys = ("name", "input_size", "width", "options")
    name, size, width, options = (architecture[key] for key in keys)
    if type(width) is not int or width < 1 or not isinstance(options, dict):
        raise TypeError("architecture: expected a width and options")
    check_input_size(size)
    network = make_network(find_network(name), name, options)
    described = describe_other("own", name, size, (mean, std), width, options)
    built = head(width=width)
    return assemble(
        network, described, built, False, probe=False, patch_filters=False, fast_conv=True
    )


def _head_for(name: str, width: int, head: Callable[..., Head]) -> Head:
    if width > 1:
        return head(width=width)
    if getattr(head, "func", head) is not LinearHead:
        raise UserError(
            f"model._target_={name}: returns one logit an image, which leaves no place for a head. "
            "Return features [N, D], or choose head=linear, which is then left out"
        )
    return LogitHead(width=1)
