"""Build backbones: from options, or again from the description that a predictor keeps."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, get_args

from torch import nn

from imbclf.models.architecture import (
    Architecture,
    ProbeKind,
    ProbeOption,
    Stem,
    check_options,
    describe_architecture,
)
from imbclf.models.assemble import assemble, check_probe
from imbclf.models.backbone import Backbone
from imbclf.models.heads import Head, LinearHead, rebuild_head
from imbclf.models.own_network import rebuild_own_backbone
from imbclf.models.pretrained_weights import load_weights, weights_file
from imbclf.models.timm_models import rebuild_timm_backbone
from imbclf.models.torchvision_models import (
    SkipRandomInit,
    build_network,
    cut_head,
    shrink_stem,
)


def build_backbone(
    name: str,
    weights: str | None = None,
    input_size: int | None = None,
    stem: Stem = "standard",
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    head: Callable[..., Head] = LinearHead,
    probe: ProbeOption = False,
    patch_filters: bool = False,
    fast_conv: bool = True,
) -> Backbone:
    """Return torchvision's classifier `name` with one logit in place of its class scores.

    Args:
        name: any of `torchvision.models.list_models(module=torchvision.models)`.
        weights: None for random ones; the name of torchvision weights, "DEFAULT" being the best;
            or a file with a torchvision state dict of any number of classes (torch or
            safetensors). The head is always new.
        input_size: side in pixels to which images are resized on the device. None leaves them as
            they are, except that models of one fixed size (vit, maxvit) take that of their weights.
        stem: "small" replaces a 7x7 convolution of stride 2 with max-pooling by a 3x3 convolution
            without pooling: four times the side of every feature map, for training on
            small images from scratch.
        mean: of each color in 0..1. None takes that of the weights (nearly always ImageNet's).
        std: standard deviation of each color in 0..1. None as for `mean`.
        head: called with `width`, returns one of the heads of `imbclf.models.heads`. For one that
            allows no biases, those of the network are frozen: at 0, or as its weights have them.
        probe: whether `build_probe` adds a probe: a `StageProbe` if the weights are pretrained, on
            means of features or, with "maxima", on means and maxima; else a `PatchProbe`. With
            "kernels" it is on kernels of means and maxima, or of responses to patches.
        patch_filters: whether training is to start the first convolution of random weights from
            patches of the images; pretrained ones stay as they are.
        fast_conv: whether to use CPU kernels for small feature maps, and to fuse batch norms into
            convolutions where many images are scored. Results differ by rounding alone.

    Raises:
        UserError: an option is invalid, or the weights cannot be loaded.

    >>> import torch
    >>> backbone = build_backbone("squeezenet1_1")
    >>> backbone(torch.zeros(2, 64, 64, 3, dtype=torch.uint8)).shape
    torch.Size([2])
    """
    check_options(name, weights, input_size, stem)
    architecture = describe_architecture(name, weights, input_size, stem, mean, std)
    network, width = _headless_network(architecture, weights)
    return assemble(
        network,
        architecture,
        head(width=width),
        weights is not None,
        probe=probe,
        patch_filters=patch_filters,
        fast_conv=fast_conv,
    )


def rebuild_backbone(architecture: Mapping[str, Any]) -> Backbone:
    """Return the backbone that an `Architecture` describes; its weights are undefined.

    Descriptions without `head` date from before heads could be chosen and mean a linear one.

    Raises:
        UserError, KeyError, TypeError, ValueError: it is no valid description.

    >>> backbone = build_backbone("squeezenet1_1", mean=(0.5, 0.5, 0.5))
    >>> rebuild_backbone(backbone.architecture).architecture == backbone.architecture
    True
    """
    name, stem = architecture["name"], architecture["stem"]
    head = architecture.get("head", {"name": "linear"})
    if not all(isinstance(word, str) for word in (name, stem, head["name"])):
        raise TypeError("architecture: expected names of model, stem and head")
    probe = architecture.get("probe")
    if probe not in (None, False, True, *get_args(ProbeKind)):
        raise ValueError(f"probe: expected one of {', '.join(get_args(ProbeKind))}")
    with SkipRandomInit():
        backbone = _rebuild(architecture, partial(rebuild_head, head))
    if probe:  # version 0.1 wrote true: there was one kind
        kind: ProbeKind = "stages" if probe is True else probe
        backbone.architecture["probe"] = check_probe(backbone.head, kind)
    return backbone


def _rebuild(architecture: Mapping[str, Any], head: Callable[..., Head]) -> Backbone:
    """Return the backbone of an architecture, without its probe."""
    name, source = architecture["name"], architecture.get("source")
    # Converted here: what else the file may hold cannot always be printed in a message.
    mean, std = ([float(value) for value in architecture[key]] for key in ("mean", "std"))
    size: int | None = architecture["input_size"]
    if source is None:
        stem = architecture["stem"]
        return build_backbone(name, input_size=size, stem=stem, mean=mean, std=std, head=head)
    if source == "timm":
        return rebuild_timm_backbone(architecture, mean, std, head)
    if source == "own":
        return rebuild_own_backbone(architecture, mean, std, head)
    raise ValueError("source: expected timm or own")


def _headless_network(architecture: Architecture, weights: str | None) -> tuple[nn.Module, int]:
    """Return the network without its last layer, and the number D of its features."""
    name = architecture["name"]
    network = build_network(name, architecture["input_size"])
    head_name, width = cut_head(network)
    if architecture["stem"] == "small":
        shrink_stem(network, name)
    if weights is not None:
        load_weights(network, weights_file(name, weights), head_name)
    return network, width
