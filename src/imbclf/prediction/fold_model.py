"""One fold's model: its networks, its decision rule, and the files that keep them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from scipy.special import logit
from torch import Tensor, nn

from imbclf.augment.tta import Tta
from imbclf.errors import UserError
from imbclf.metrics.calibration import Calibration
from imbclf.models.backbone import Backbone
from imbclf.models.build import rebuild_backbone
from imbclf.models.probes.base import Probe
from imbclf.models.probes.build import build_probe, with_probe
from imbclf.prediction.decision_rule import CHECKPOINT_KEY, DecisionRule, check_rule
from imbclf.prediction.manifest import FORMAT, MANIFEST, Manifest
from imbclf.utils.files import atomic_write, write_text
from imbclf.utils.safe_reading import check_archive, readable

PROBE = "probe."  # prefix of the probe's names among a fold model's weights


@dataclass(frozen=True)
class FoldModel:
    """The network of one fold, the probe beside it, and its decision rule.

    Attributes:
        backbone: uint8 images to logits.
        rule: threshold and calibration of the logits of `network`.
        name: of its weights, without the suffix: `fold_0`.
        probe: its logits are averaged with those of the backbone; None where there is none, or
            where it is left out.
    """

    backbone: Backbone
    rule: DecisionRule
    name: str
    probe: Probe | None = None

    @property
    def network(self) -> nn.Module:
        """Return what gives the logits of uint8 images: the backbone, with its probe if any."""
        return with_probe(self.backbone, self.probe)

    @property
    def weights(self) -> dict[str, Tensor]:
        """Return the weights of backbone and probe, by the names that they have in files."""
        probe = {} if self.probe is None else self.probe.state_dict(prefix=PROBE)
        return {**self.backbone.state_dict(), **probe}

    def log_odds_line(self, calibration: Calibration, prior: float | None) -> tuple[float, float]:
        """Return slope a and intercept b of P(label 1) = sigmoid(a logit + b).

        Another prior adds a constant to the log-odds, see `shift_prior`.

        Raises:
            UserError: there is no such calibration, or the prior is no share.
        """
        if prior is not None and not 0 < prior < 1:
            raise UserError(f"prior={prior}: expected the share of label 1, between 0 and 1")
        if calibration not in ("platt", "temperature"):
            raise UserError(f"calibration={calibration}: expected platt or temperature")
        slope, intercept = self.rule["slope"], self.rule["intercept"]
        if calibration == "temperature":
            slope, intercept = 1 / self.rule["temperature"], 0.0
        shift = 0.0 if prior is None else float(logit(prior) - logit(self.rule["prior"]))
        return slope, intercept + shift


def load_weights(backbone: Backbone, probe: Probe | None, weights: Mapping[str, Tensor]) -> None:
    """Copy a fold model's weights into its backbone and, unless that is None, its probe.

    Raises:
        RuntimeError: they do not fit.
    """
    own = dict(weights)
    if backbone.architecture["probe"] is not None:
        own = {name: tensor for name, tensor in own.items() if not name.startswith(PROBE)}
    backbone.load_state_dict(own)
    if probe is not None:
        probe.load_state_dict(_below(PROBE, weights))


def _below(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }


def load_fold(folder: Path, fold: int) -> FoldModel:
    """Read one fold's model of the predictor in `folder`. No code from the files is run.

    Raises:
        UserError: where the predictor is damaged or has no such fold.
    """
    entries = Manifest.load(folder).entries
    own = [entry for entry in entries if entry["weights"] == _weights_name(fold)]
    if not own:
        raise UserError(f"{folder / MANIFEST}: has no model of fold {fold}")
    return load_fold_model(folder, own[0])


def load_fold_model(folder: Path, stored: Mapping[str, Any], probe: bool = True) -> FoldModel:
    """Read the model of one entry of a predictor's manifest. No code from the files is run.

    Args:
        folder: of the predictor.
        stored: the entry of its manifest.
        probe: False leaves out the probe, if there is one.

    Raises:
        UserError: its weights are missing or damaged.
    """
    name = stored["weights"]
    try:
        weights = load_file(folder / name)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{folder / name}: not readable weights ({error})") from error
    return build_fold_model(stored, weights, folder / name, probe)


def read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the card of a fold's checkpoint and its weights, tensors and plain values only.

    Version 0.1 named those of a probe as if it were part of the backbone.
    """
    try:
        check_archive(path)
        stored = torch.load(path, map_location="cpu", weights_only=True)
        card = dict(stored[CHECKPOINT_KEY])
        state = stored["state_dict"]
        probe = {name: tensor for name, tensor in state.items() if name.startswith(PROBE)}
        weights = {**_below("backbone.", state), **probe}
    except Exception as error:
        raise UserError(
            f"{path}: not a checkpoint of imbclf-train that holds plain tensors and values only "
            f"({type(error).__name__})"
        ) from error
    return card, weights


def build_fold_model(
    card: Mapping[str, Any], weights: Mapping[str, Tensor], path: Path, probe: bool = True
) -> FoldModel:
    """Build a model from its card and its weights.

    Args:
        card: the architecture and the decision rule.
        weights: of backbone and probe.
        path: where they were read.
        probe: False leaves out the probe, if there is one.

    Raises:
        UserError: there is no such architecture, or the weights do not fit it.
        ValueError: the card has no decision rule.
    """
    rule = check_rule(card)
    with readable(path, "weights of an architecture that imbclf can build"):
        backbone = rebuild_backbone(card["architecture"])
        beside = build_probe(backbone) if probe else None
    try:
        load_weights(backbone, beside, weights)
    except RuntimeError as error:
        name = backbone.architecture["name"]
        raise UserError(
            f"{path}: the weights do not fit {name}: {shorten(str(error), 400)}"
        ) from error
    return FoldModel(backbone, rule, path.stem, beside)


def save_fold_model(
    folder: Path,
    fold: int,
    card: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    tta: Tta = "none",
) -> None:
    """Write one fold's model into the predictor in `folder`, beside those already there."""
    name = _weights_name(fold)
    with atomic_write(folder / name) as beside:
        beside.write_bytes(save({key: value.contiguous() for key, value in weights.items()}))
    sheet = folder / MANIFEST
    members = [*Manifest.load(folder).entries] if sheet.exists() else []
    entry = {key: card[key] for key in ("architecture", *DecisionRule.__annotations__)}
    members = [member for member in members if member["weights"] != name]
    members = sorted([*members, {"weights": name, **entry}], key=lambda member: member["weights"])
    stored = {
        "format": FORMAT,
        "image_size": card["image_size"],
        "label_names": card["label_names"],
        "tta": tta,
        "members": members,
    }
    write_text(sheet, json.dumps(stored, indent=2) + "\n")


def _weights_name(fold: int) -> str:
    return f"fold_{fold}.safetensors"
