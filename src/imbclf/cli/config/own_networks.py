"""Networks of the user's own: which options they take, and how commands allow them."""

from collections.abc import Iterable, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from imbclf.cli.config.error_context import explain_option
from imbclf.cli.config.signatures import Parameters
from imbclf.cli.config.target_parameters import import_target, target_parameters
from imbclf.errors import UserError
from imbclf.models.allowed_networks import OPTION, allow_network

# Options of any network of one's own, unless its class has an option of that name itself.
OPTIONS: Parameters = {
    "weights": "str | None",
    "input_size": "int | None",
    "mean": None,
    "std": None,
    "patch_filters": "bool",
    "fast_conv": "bool",
}


def is_own_network(target: str) -> bool:
    """Return whether a target is a network, and no function that puts a head on one itself.

    >>> is_own_network("imbclf.models.build_backbone"), is_own_network("torch.nn.Identity")
    (False, True)
    """
    return not target.startswith("imbclf.") and "head" not in (target_parameters(target) or {})


def extra_options(path: str, target: object) -> Parameters:
    """Return the options that a group has besides those of its target."""
    is_own = path == "model" and isinstance(target, str) and is_own_network(target)
    return OPTIONS if is_own else {}


def network_options(options: DictConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of a network's own class, and those of `OPTIONS` that are given.

    Raises:
        UserError: an option is a call, which a predictor could not keep.
    """
    target = options["_target_"]
    own = target_parameters(target) or {}
    given: Any = OmegaConf.to_container(options, resolve=True)
    if "_target_" in str({key: value for key, value in given.items() if key != "_target_"}):
        raise UserError(
            f"model: options of {target} have to be plain values, since predictors keep them"
        )
    plain = {key: value for key, value in given.items() if not key.startswith("_")}
    shared = {key for key in plain if key in OPTIONS and key not in own}
    return (
        {key: value for key, value in plain.items() if key not in shared},
        {key: plain[key] for key in shared},
    )


def own_network(target: str) -> Any:  # noqa: ANN401
    """Return the class or function of a network.

    Raises:
        UserError: it cannot be imported.
    """
    with explain_option("model"):
        found = import_target(target)
    if not callable(found):
        raise UserError(f"{OPTION}={target}: no such class or function can be imported")
    return found


def take_allowed_networks(arguments: Sequence[str]) -> list[str]:
    """Allow the networks that arguments name, for commands that only load them.

    Returns:
        The other arguments.

    >>> take_allowed_networks(["run=a", "model._target_=my.Net"])
    ['run=a']
    """
    others = []
    for argument in arguments:
        key, equals, names = argument.partition("=")
        if key.lstrip("+") == OPTION and equals:
            _allow(names.split(","))
        else:
            others.append(argument)
    return others


def _allow(names: Iterable[str]) -> None:
    for name in names:
        allow_network(name.strip("'\" "))
