"""What a network of the user's own has to be, each with one message where it is not."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from imbclf.errors import UserError

PLAIN = (str, int, float, bool, type(None))


def make_network(
    network: Callable[..., nn.Module], name: str, options: Mapping[str, Any]
) -> nn.Module:
    """Call the class or function of a network.

    Raises:
        UserError: it fails, or makes something else.
    """
    try:
        made: object = network(**options)
    except UserError:
        raise
    except Exception as error:  # the user's code may raise anything
        raise UserError(f"model: {name} cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(made, nn.Module):
        raise UserError(
            f"model._target_={name}: made {type(made).__name__}; expected a torch.nn.Module that "
            "maps float images [N, 3, H, W] to features [N, D] or to logits [N]"
        )
    return made


def output_width(network: nn.Module, name: str, size: int | tuple[int, int]) -> int:
    """Return the number of values that the network makes of an image, in evaluation mode.

    Raises:
        UserError: it makes something else than `[N, D]` or `[N]`.
    """
    height, width = (size, size) if isinstance(size, int) else size
    shape = f"[2, 3, {height}, {width}]"
    training = {module: module.training for module in network.modules()}
    try:
        with torch.no_grad():
            output = network.eval()(torch.zeros(2, 3, height, width))
    except Exception as error:  # the user's code may raise anything
        raise UserError(
            f"model._target_={name}: fails on float images {shape} ({type(error).__name__}: "
            f"{error}). A network of one fixed size needs model.input_size=SIDE"
        ) from error
    finally:
        for module, mode in training.items():
            module.training = mode
    made = list(output.shape) if isinstance(output, Tensor) else type(output).__name__
    if not isinstance(output, Tensor) or output.ndim not in (1, 2) or len(output) != 2:
        raise UserError(
            f"model._target_={name}: made {made} of images {shape}; expected features [2, D] or "
            "logits [2]"
        )
    return math.prod(output.shape[1:])


def check_plain(name: str, options: Mapping[str, Any]) -> None:
    """Check that a predictor can keep the options of a network.

    Raises:
        UserError: one is no plain value.
    """
    for key, value in options.items():
        if not _is_plain(value):
            raise UserError(
                f"model.{key}: {type(value).__name__}; expected a number, text, true, false, null "
                f"or a list of such, since predictors keep the options of {name} by value"
            )


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(one) for one in value)
    return isinstance(value, PLAIN)
