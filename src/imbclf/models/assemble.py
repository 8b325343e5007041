"""Put a network without its last layer, a head and the options of both together."""

import numpy as np
from numpy.typing import NDArray
from torch import nn

from imbclf.errors import UserError
from imbclf.models.architecture import Architecture, ProbeKind, ProbeOption
from imbclf.models.backbone import Backbone
from imbclf.models.heads import BUILT_IN, HEADS, Entry, Head, OneClassHead, rebuild_head
from imbclf.models.stage_features import stages_of_features
from imbclf.models.torchvision_models import freeze_biases
from imbclf.models.usual_side import side_for

# Of an option: the kind beside pretrained weights, and that beside random ones.
PROBE_KINDS: dict[ProbeOption, tuple[ProbeKind, ProbeKind]] = {
    True: ("stages", "patches"),
    "maxima": ("stage_maxima", "patches"),
    "kernels": ("stage_kernels", "patch_kernels"),
}


def assemble(
    network: nn.Module,
    architecture: Architecture,
    head: Head,
    is_pretrained: bool,
    probe: ProbeOption,
    patch_filters: bool,
    fast_conv: bool,
) -> Backbone:
    """Return a backbone of a network and a head.

    Args:
        network: normalized images [N, 3, H, W] to what enters the head.
        architecture: of the network; the head and the probe are added to it.
        head: one of `HEADS`. For one that allows no biases, those of the network are frozen.
        is_pretrained: whether the network has weights of an earlier training.
        probe: as for `build_backbone`.
        patch_filters: whether training starts the filters of random weights from patches.
        fast_conv: as for `Backbone`.

    Raises:
        UserError: the head is the user's own, or no such probe may stand beside it.
    """
    architecture["head"] = _head_entry(head)
    stages = np.empty(0, np.int64)
    if head.takes_stages:
        stages = _stages_of_features(network, architecture)
        head = rebuild_head(head.entry, width=len(stages))
    if not head.allows_biases:
        freeze_biases(network, at_zero=not is_pretrained)
    backbone = Backbone(network, head, architecture, fast_conv)
    backbone.is_pretrained = is_pretrained
    backbone.stages_of_features = stages
    backbone.starts_from_patches = patch_filters and not is_pretrained
    if (kind := _probe_kind(probe, is_pretrained)) is not None:
        architecture["probe"] = check_probe(head, kind)
    return backbone


def _probe_kind(probe: ProbeOption, is_pretrained: bool) -> ProbeKind | None:
    if probe not in (False, *PROBE_KINDS):
        raise UserError(f"model.probe={probe}: expected true, false, maxima or kernels.")
    if not probe:
        return None
    pretrained, from_scratch = PROBE_KINDS[probe]
    return pretrained if is_pretrained else from_scratch


def check_probe(head: Head, kind: ProbeKind) -> ProbeKind:
    """Return the kind of a probe that may stand beside a head.

    Raises:
        UserError: none may.
    """
    if head.takes_stages:
        raise UserError(
            f"model.probe=true: head={head.entry['name']} is a regression on the same features "
            "itself. Set model.probe=false"
        )
    if isinstance(head, OneClassHead):
        raise UserError(
            f"model.probe=true: head={head.entry['name']} returns distances, which cannot be "
            "averaged with log-odds. Set model.probe=false, or choose head=linear or head=cosine."
        )
    return kind


def _stages_of_features(network: nn.Module, architecture: Architecture) -> NDArray[np.int64]:
    try:
        return stages_of_features(network, side_for(architecture))
    except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
        raise UserError(
            f"head=logistic: {architecture['name']} has no stages that it could take features of "
            f"({type(error).__name__}: {error}). Choose another head, or another network"
        ) from error


def _head_entry(head: object) -> Entry:
    if isinstance(head, Head) and type(head) in (*HEADS.values(), *BUILT_IN.values()):
        return head.entry
    raise UserError(
        f"head: {type(head).__name__} is none of {', '.join(HEADS)}. A predictor is rebuilt from "
        "known names and never calls what a file names."
    )
