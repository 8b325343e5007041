"""Fold models: a network with its decision rule, built from what a checkpoint or a file holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from scipy.special import logit
from torch import Tensor, nn

from imbclf.errors import UserError
from imbclf.metrics.calibration import Calibration
from imbclf.models.backbone import Backbone
from imbclf.models.build import rebuild_backbone
from imbclf.models.probes.base import Probe
from imbclf.models.probes.build import build_probe, with_probe
from imbclf.prediction.decision_rule import CHECKPOINT_KEY, DecisionRule, check_rule
from imbclf.utils.safe_reading import check_archive, readable

PROBE = "probe."  # prefix of the probe's names among a fold model's weights


@dataclass(frozen=True)
class FoldModel:
    """The network of one fold, the probe beside it, and its decision rule.

    Attributes:
        backbone: uint8 images to logits.
        rule: threshold and calibration of the logits of `network`.
        name: of its weights, without the suffix: `fold_0`.
        probe: its logits are averaged with those of the backbone; None if there is none or it is
            left out.
    """

    backbone: Backbone
    rule: DecisionRule
    name: str
    probe: Probe | None = None

    @property
    def network(self) -> nn.Module:
        """Return the network from uint8 images to logits: the backbone, with its probe if any."""
        return with_probe(self.backbone, self.probe)

    @property
    def weights(self) -> dict[str, Tensor]:
        """Return the weights of backbone and probe, by their names in files."""
        probe = {} if self.probe is None else self.probe.state_dict(prefix=PROBE)
        return {**self.backbone.state_dict(), **probe}

    def log_odds_line(
        self, calibration: Calibration, prior: float | None, sharpening: float = 1.0
    ) -> tuple[float, float]:
        """Return slope a and intercept b of the log-odds a logit + b of label 1.

        Another prior adds a constant to them, see `shift_prior`.

        Args:
            calibration: `platt` or `temperature`.
            prior: share of label 1 that the log-odds are for; None is that of training.
            sharpening: what the log likelihood ratio is multiplied by. A temperature is not
                sharpened: as loss and sampler made it, its prior is unknown.

        Raises:
            UserError: there is no such calibration, or the prior is out of range.
        """
        if prior is not None and not 0 < prior < 1:
            raise UserError(f"prior={prior}: expected the share of label 1, between 0 and 1")
        if prior is not None and calibration == "temperature":
            # A weighted loss or balanced sampler has a prior of its own, which it would keep.
            raise UserError(
                f"prior={prior}, calibration=temperature: a temperature leaves the prior of the "
                "training as loss and sampler made it, which is unknown; use calibration=platt"
            )
        if calibration not in ("platt", "temperature"):
            raise UserError(f"calibration={calibration}: expected platt or temperature")
        slope, intercept = self.rule["slope"], self.rule["intercept"]
        if slope < 0:  # of version 0.1: probabilities would fall where scores rise
            slope, intercept = 0.0, float(logit(self.rule["prior"]))
        if calibration == "temperature":
            return 1 / self.rule["temperature"], 0.0
        own = float(logit(self.rule["prior"]))
        shift = 0.0 if prior is None else float(logit(prior)) - own
        return sharpening * slope, intercept + (sharpening - 1) * (intercept - own) + shift


def load_weights(backbone: Backbone, probe: Probe | None, weights: Mapping[str, Tensor]) -> None:
    """Copy a fold model's weights into its backbone and its probe, if any.

    Raises:
        RuntimeError: they do not fit.
    """
    own = dict(weights)
    if backbone.architecture["probe"] is not None:
        own = {name: tensor for name, tensor in own.items() if not name.startswith(PROBE)}
    backbone.load_state_dict(own)
    if probe is not None:
        probe.load_state_dict(weights_below(PROBE, weights))


def weights_below(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights whose names begin with a prefix, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }


def read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the metadata and the weights of a fold's checkpoint: plain values and tensors only.

    In checkpoints of version 0.1 the probe is part of the backbone.
    """
    try:
        check_archive(path)
        stored = torch.load(path, map_location="cpu", weights_only=True)
        metadata = dict(stored[CHECKPOINT_KEY])
        state = stored["state_dict"]
        probe = {name: tensor for name, tensor in state.items() if name.startswith(PROBE)}
        weights = {**weights_below("backbone.", state), **probe}
    except Exception as error:
        raise UserError(
            f"{path}: not a checkpoint of imbclf-train that holds plain tensors and values only "
            f"({type(error).__name__})"
        ) from error
    return metadata, weights


def build_fold_model(
    metadata: Mapping[str, Any], weights: Mapping[str, Tensor], path: Path, probe: bool = True
) -> FoldModel:
    """Build a fold model from its metadata and its weights.

    Args:
        metadata: the architecture and the decision rule.
        weights: of backbone and probe.
        path: of the weights, for messages.
        probe: False leaves out the probe, if there is one.

    Raises:
        UserError: there is no such architecture, or the weights do not fit it.
        ValueError: the metadata has no decision rule.
    """
    rule = check_rule(metadata)
    with readable(path, "weights of an architecture that imbclf can build"):
        backbone = rebuild_backbone(metadata["architecture"])
        own_probe = build_probe(backbone) if probe else None
    try:
        load_weights(backbone, own_probe, weights)
    except RuntimeError as error:
        name = backbone.architecture["name"]
        raise UserError(
            f"{path}: the weights do not fit {name}: {shorten(str(error), 400)}"
        ) from error
    return FoldModel(backbone, rule, path.stem, own_probe)
