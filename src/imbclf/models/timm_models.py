"""Networks of timm by name or address; timm itself says how its heads, sizes and weights go."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from torch import nn

from imbclf.errors import UserError
from imbclf.models.architecture import (
    Interpolation,
    ProbeOption,
    check_input_size,
    describe_other,
)
from imbclf.models.assemble import assemble
from imbclf.models.backbone import Backbone
from imbclf.models.heads import Head, LinearHead
from imbclf.models.hub import cached_files_if_unreachable
from imbclf.models.pretrained_weights import copy_weights, existing_file, read_tensors
from imbclf.models.timm_names import TimmNetwork, import_timm, resolve

PRETRAINED = "DEFAULT"
# Arguments with which timm would read weights or other files.
LOADING = {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"}


def build_timm_backbone(
    name: str,
    weights: str | None = None,
    input_size: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    head: Callable[..., Head] = LinearHead,
    probe: ProbeOption = False,
    patch_filters: bool = False,
    fast_conv: bool = True,
) -> Backbone:
    """Return a network of timm with one logit in place of its class scores.

    Size, normalization and interpolation of images are those of timm's data configuration of the
    weights, unless they are given. Its share of a center crop is not used: images are seen whole.

    Args:
        name: of a network, with or without the tag of its weights (`resnet10t.c3_in1k`), or the
            address of one: `hf-hub:OWNER/NAME`, `local-dir:FOLDER`.
        weights: None for random ones; `DEFAULT` for those of the tag or the address, downloaded
            from the Hugging Face hub; or a file with timm's state dict (torch or safetensors).
        input_size: side in pixels to which images are resized on the device. None leaves them as
            they are, except that networks of one fixed size (vit) take that of their weights.
        mean: of each color in 0..1. None takes that of the weights.
        std: standard deviation of each color in 0..1. None takes that of the weights.
        head: called with `width`, returns one of the heads of `imbclf.models.heads`.
        probe: as for `build_backbone`.
        patch_filters: as for `build_backbone`.
        fast_conv: as for `build_backbone`.

    Raises:
        UserError: timm is not installed, an option is invalid, or the weights cannot be loaded.

    >>> build_timm_backbone("resnet10t").head.in_features
    512
    """
    check_input_size(input_size)
    import_timm()
    from_hub = weights == PRETRAINED or name.startswith("hf-hub:")
    with cached_files_if_unreachable() if from_hub else nullcontext():
        found = resolve(name)
        config = found.config
        if input_size is None and found.has_fixed_size:
            input_size = found.side
        if weights is None or weights == PRETRAINED:
            network = _create(found, input_size, weights is not None)
        else:
            path = existing_file(weights, f"{PRETRAINED} (the weights of {name}) nor null")
            network = _create(found, input_size, False)
            _load_file(network, path, config.get("classifier"))
    normal = config["mean"] if mean is None else mean, config["std"] if std is None else std
    width = _width(network)
    architecture = describe_other("timm", found.name, input_size, normal, width, found.options)
    architecture["interpolation"] = _interpolation(config.get("interpolation"))
    architecture["license"] = config.get("license") if weights == PRETRAINED else None
    return assemble(
        network,
        architecture,
        head(width=width),
        weights is not None,
        probe=probe,
        patch_filters=patch_filters,
        fast_conv=fast_conv,
    )


def rebuild_timm_backbone(
    architecture: Mapping[str, Any],
    mean: Sequence[float],
    std: Sequence[float],
    head: Callable[..., Head],
) -> Backbone:
    """Return the backbone that an architecture with `source: timm` describes, without network.

    Args:
        architecture: from a file.
        mean: of `architecture`, checked to be numbers.
        std: likewise.
        head: called with `width`.

    Raises:
        UserError: timm is not installed, or does not know the network.
        KeyError, TypeError, ValueError: it is no valid description.
    """
    name, options, size = (architecture[key] for key in ("name", "options", "input_size"))
    if not isinstance(options, dict) or LOADING & {*options} or ":" in name:
        raise ValueError("architecture: expected a name of timm's and arguments of its network")
    check_input_size(size)
    found = resolve(name, options)
    network = _create(found, size, False)
    width, license_of_weights = _width(network), architecture.get("license")
    described = describe_other("timm", name, size, (mean, std), width, options)
    described["interpolation"] = _interpolation(architecture.get("interpolation"))
    described["license"] = license_of_weights if isinstance(license_of_weights, str) else None
    built = head(width=width)
    return assemble(
        network, described, built, False, probe=False, patch_filters=False, fast_conv=True
    )


def _create(found: TimmNetwork, input_size: int | None, pretrained: bool) -> nn.Module:
    """Return a network without its layer of class scores: images to features [N, D]."""
    timm = import_timm()
    options = dict(found.options)
    if found.has_fixed_size and input_size is not None:
        options["img_size"] = input_size
    is_address = ":" in found.address
    try:
        network: Any = timm.create_model(
            found.address if is_address else found.name, pretrained=pretrained, **options
        )
        network.reset_classifier(0)
        made: nn.Module = network
    except Exception as error:  # timm and the hub's client may raise anything
        what = "its weights cannot be loaded" if pretrained else "it cannot be built"
        advice = (
            ". Give a state dict that you have with model.weights=FILE, or a folder with "
            "model.name=local-dir:FOLDER, or train from scratch with model.weights=null (a probe "
            "cannot)"
        )
        raise UserError(
            f"model.name={found.address}: {what} ({type(error).__name__}: {error})"
            + (advice if pretrained else "")
        ) from error
    return made


def _load_file(network: nn.Module, path: Path, classifier: str | Sequence[str] | None) -> None:
    """Copy a state dict of timm into a network, without its layer of class scores."""
    given = dict(read_tensors(path))
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if convert is not None:  # of the names of the authors' files, and of positions at other sizes
        given = convert(given, network)
    heads = (
        () if classifier is None else (classifier,) if isinstance(classifier, str) else classifier
    )
    prefixes = tuple(f"{one}." for one in heads)
    copy_weights(network, {k: v for k, v in given.items() if not k.startswith(prefixes)}, path)


def _width(network: Any) -> int:  # noqa: ANN401
    """Return the number of features before the layer of class scores."""
    return int(getattr(network, "head_hidden_size", None) or network.num_features)


def _interpolation(stated: object) -> Interpolation:
    return "bicubic" if stated == "bicubic" else "bilinear"
