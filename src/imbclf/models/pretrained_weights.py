"""Torchvision weights, by name or from a file, read as tensors only: no code in a file is run."""

import re
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model_weights

from imbclf.errors import UserError
from imbclf.utils.safe_reading import check_archive

RENAMED = (  # layers with other names in older files that torchvision publishes
    (r"(denselayer\d+\.(?:norm|conv))\.([12]\.)", r"\1\2"),
    (r"\.mlp\.linear_1\.", ".mlp.0."),
    (r"\.mlp\.linear_2\.", ".mlp.3."),
)


def published_weights(name: str, weights: str | None) -> WeightsEnum:
    """Return torchvision's entry `weights` for model `name`; the default entry if there is none.

    >>> published_weights("vit_b_16", None).meta["min_size"]
    (224, 224)
    """
    entries = get_model_weights(name)
    return entries.__members__.get(weights or "DEFAULT", entries.DEFAULT)


def weights_file(name: str, weights: str) -> Path:
    """Return the file of `weights`: torchvision's of that name, downloaded once, or a path.

    Raises:
        UserError: `weights` is neither, or the download fails.
    """
    entries = get_model_weights(name).__members__
    if weights in entries:
        return _downloaded(entries[weights])
    return existing_file(weights, f"the name of weights for {name}, which are {', '.join(entries)}")


def existing_file(weights: str, otherwise: str) -> Path:
    """Return the path of a file of weights.

    Raises:
        UserError: there is no such file; the message says what else `model.weights` may be.
    """
    path = Path(weights)
    with suppress(RuntimeError):  # `~user` of no such user
        path = path.expanduser()
    if not path.is_file():
        raise UserError(f"model.weights={weights} is neither a file nor {otherwise}.")
    return path


def _downloaded(entry: WeightsEnum) -> Path:
    path = Path(torch.hub.get_dir(), "checkpoints", entry.url.rpartition("/")[2])
    if path.exists():
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = path.stem.rpartition("-")[2]
        torch.hub.download_url_to_file(entry.url, str(path), hash_prefix=digest)
    except (OSError, HTTPException, RuntimeError) as error:  # RuntimeError: wrong digest
        raise UserError(
            f"model.weights={entry.name} could not be downloaded ({error}). Give a torchvision "
            f"state dict that you have with model.weights=FILE, or put {path.name} into "
            f"{path.parent}, or train from scratch with model.weights=null (a probe cannot)."
        ) from error
    return path


def read_tensors(path: Path) -> Mapping[str, Tensor]:
    """Return a state dict, names to tensors, from a .safetensors file or one of `torch.save`.

    Raises:
        UserError: the file is damaged or holds anything but tensors by name. Other objects are
            never unpickled, since that could run code from the file.
    """
    try:
        if path.suffix == ".safetensors":
            tensors = load_file(path)
        else:
            check_archive(path)
            # Given explicitly, weights_only overrides TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD.
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can raise anything
        raise UserError(
            f"{path} cannot be read as weights ({type(error).__name__}). Expected a state dict of "
            "tensors and nothing else, as torch.save(network.state_dict()) or safetensors write it."
        ) from error
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise UserError(
            f"{path} is not a state dict: expected tensors by name, as "
            "torch.save(network.state_dict()) writes them. Save that part of it alone."
        )
    return tensors


def load_weights(network: nn.Module, path: Path, head: str) -> None:
    """Copy a torchvision state dict into `network`, except the head and auxiliary heads.

    Args:
        network: receives the weights; its own layer called `head` has none.
        path: a file for `read_tensors`, of any number of classes.
        head: name of the layer of class scores in the file's model.

    Raises:
        UserError: the file cannot be read, or a tensor does not fit or is not finite.
    """
    given = {_current_name(name): tensor for name, tensor in read_tensors(path).items()}
    copy_weights(
        network,
        {
            name: tensor
            for name, tensor in given.items()
            if not name.startswith(f"{head}.") and not name.lower().startswith("aux")
        },
        path,
    )


def copy_weights(network: nn.Module, given: Mapping[str, Tensor], path: Path) -> None:
    """Copy tensors into a network that has exactly these.

    Args:
        network: receives them.
        given: by their names in `network`.
        path: of the file that they come from, for messages.

    Raises:
        UserError: one is missing, too many, of another shape or not finite.
    """
    own = network.state_dict()
    misfits = {
        # Older files lack this count, which changes no result.
        "missing": [k for k in own if k not in given and not k.endswith("num_batches_tracked")],
        "unexpected": [k for k in given if k not in own],
        "of another shape": [
            f"{k} {list(given[k].shape)} instead of {list(own[k].shape)}"
            for k in own
            if k in given and given[k].shape != own[k].shape
        ],
        # Only of tensors that fit: others may be of any size.
        "not finite": [
            k
            for k in own
            if k in given and given[k].shape == own[k].shape and not given[k].isfinite().all()
        ],
    }
    if any(misfits.values()):
        raise UserError(
            f"{path} does not fit the model: {_listing(misfits)}. Give the model.name, and for "
            "transformers the model.input_size, that the file was made with."
        )
    own.update(given)
    network.load_state_dict(own)


def _current_name(name: str) -> str:
    for old, new in RENAMED:
        name = re.sub(old, new, name)
    return name


def _listing(misfits: Mapping[str, list[str]], first: int = 3) -> str:
    return "; ".join(
        f"{len(names)} {kind} ({', '.join(names[:first])}{', ...' if len(names) > first else ''})"
        for kind, names in misfits.items()
        if names
    )
