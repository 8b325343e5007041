"""Fold models: a network with its decision rule, read from and written to files."""

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
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
from imbclf.models.heads import takes_stages
from imbclf.models.probes.base import Probe
from imbclf.models.probes.build import build_probe, with_probe
from imbclf.prediction.decision_rule import CHECKPOINT_KEY, DecisionRule, check_rule
from imbclf.prediction.ensemble_rule import OF_LOG_ODDS
from imbclf.prediction.manifest import (
    AVERAGING_PROBABILITIES,
    FORMAT,
    MANIFEST,
    Manifest,
    check_same_pixels,
    read_pixel_options,
    stored_pixel_options,
)
from imbclf.utils.files import atomic_write, write_text
from imbclf.utils.safe_reading import check_archive, readable

PROBE = "probe."  # prefix of the probe's names among a fold model's weights
NETWORK, HEAD = "network.", "head."  # prefixes of the backbone's


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
        UserError: the predictor is damaged or has no such fold.
    """
    entries = Manifest.load(folder).entries
    own = [entry for entry in entries if entry["weights"] == _weights_name(fold)]
    if not own:
        raise UserError(f"{folder / MANIFEST}: has no model of fold {fold}")
    return load_fold_model(folder, own[0])


def load_fold_model(
    folder: Path,
    stored: Mapping[str, Any],
    probe: bool = True,
    shared: dict[str, Backbone] | None = None,
) -> FoldModel:
    """Read the model of one entry of a predictor's manifest. No code from the files is run.

    Args:
        folder: of the predictor.
        stored: the entry of its manifest.
        probe: False leaves out the probe, if there is one.
        shared: backbones by the files of their networks, for fold models of one network: those
            that are known are not read again, others are added.

    Raises:
        UserError: its weights are missing or damaged.
    """
    path, network = folder / stored["weights"], stored.get("network")
    weights = _read_weights(path)
    if network is None:
        return build_fold_model(stored, weights, path, probe)
    known = {} if shared is None else shared
    if network in known and known[network].architecture == stored["architecture"]:
        return _on_known_network(known[network], stored, weights, path)
    model = build_fold_model(stored, {**_read_weights(folder / network), **weights}, path, probe)
    known[network] = model.backbone
    return model


def _on_known_network(
    known: Backbone, stored: Mapping[str, Any], weights: Mapping[str, Tensor], path: Path
) -> FoldModel:
    """Return a fold model whose network is that of another backbone."""
    head = copy.deepcopy(known.head)
    try:
        head.load_state_dict(_below(HEAD, weights))
    except RuntimeError as error:
        raise UserError(f"{path}: not the weights of a head: {shorten(str(error), 400)}") from error
    return FoldModel(known.with_head(head), check_rule(stored), path.stem)


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: not readable weights ({error})") from error


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
        weights = {**_below("backbone.", state), **probe}
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


def save_fold_model(
    folder: Path,
    fold: int,
    metadata: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    tta: Tta = "none",
) -> None:
    """Add one fold's model to the predictor in `folder`, or replace it.

    A frozen network, which all folds share, has a file of its own that is written once.

    Raises:
        UserError: the predictor's other fold models were trained on otherwise decoded images.
    """
    name, network = _weights_name(fold), {}
    if takes_stages(metadata["architecture"].get("head", {})):
        network = {"network": _save_network(folder, weights)}
        weights = {key: value for key, value in weights.items() if not key.startswith(NETWORK)}
    _save_weights(folder / name, weights)
    manifest = folder / MANIFEST
    earlier = Manifest.load(folder) if manifest.exists() else None
    entries = () if earlier is None else earlier.entries
    entry = {key: metadata[key] for key in ("architecture", *DecisionRule.__annotations__)}
    others = [other for other in entries if other["weights"] != name]
    if earlier is not None and others:
        check_same_pixels(manifest, earlier.pixel_options, read_pixel_options(metadata))
    rule = earlier.ensemble if earlier is not None and others else OF_LOG_ODDS
    stored = {
        "format": FORMAT if rule.to_json() else AVERAGING_PROBABILITIES,
        "image_size": metadata["image_size"],
        "label_names": metadata["label_names"],
        **stored_pixel_options(read_pixel_options(metadata)),
        "tta": tta,
        **rule.to_json(),
        "members": sorted(
            [*others, {"weights": name, **network, **entry}], key=itemgetter("weights")
        ),
    }
    write_text(manifest, json.dumps(stored, indent=2) + "\n")


def _save_network(folder: Path, weights: Mapping[str, Tensor]) -> str:
    """Write the weights of a network, unless they are there; return the name of the file."""
    own = {key: value.contiguous() for key, value in weights.items() if key.startswith(NETWORK)}
    digest = hashlib.blake2b(digest_size=8)
    for key, value in own.items():
        digest.update(key.encode() + value.cpu().numpy().tobytes())
    name = f"network_{digest.hexdigest()}.safetensors"
    if not (folder / name).exists():
        _save_weights(folder / name, own)
    return name


def _save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(save({key: value.contiguous() for key, value in weights.items()}))


def _weights_name(fold: int) -> str:
    return f"fold_{fold}.safetensors"
