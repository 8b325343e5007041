"""The fold models in the folder of a predictor, read from it and written to it."""

import copy
import hashlib
import json
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from textwrap import shorten
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from imbclf.augment.tta import Tta
from imbclf.errors import UserError
from imbclf.models.backbone import Backbone
from imbclf.models.heads import takes_stages
from imbclf.prediction.decision_rule import DecisionRule, check_rule
from imbclf.prediction.ensemble_rule import OF_LOG_ODDS
from imbclf.prediction.fold_model import FoldModel, build_fold_model, weights_below
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

NETWORK, HEAD = "network.", "head."  # prefixes of the backbone's names among the weights


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
        head.load_state_dict(weights_below(HEAD, weights))
    except RuntimeError as error:
        raise UserError(f"{path}: not the weights of a head: {shorten(str(error), 400)}") from error
    return FoldModel(known.with_head(head), check_rule(stored), path.stem)


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path}: not readable weights ({error})") from error


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
