"""Parts that may be the user's own: what they have to be, and factories that hold them to it."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import DictConfig
from torch import nn

from imbclf.augment import Augmentation, OwnAugmentation
from imbclf.cli.config.error_context import explain_option
from imbclf.cli.config.target_parameters import import_target
from imbclf.errors import UserError
from imbclf.samplers import IndexSampler


def refuse_bare_optimizer(target: object) -> None:
    """Refuse an optimizer in the place of the recipe that holds it.

    Raises:
        UserError: the message says where it belongs.
    """
    found = import_target(target) if isinstance(target, str) else None
    if isinstance(found, type) and issubclass(found, torch.optim.Optimizer):
        raise UserError(
            f"optim._target_={target}: an optimizer is set by optim.optimizer._target_={target}"
        )


def sampler_factory(
    sampler: Callable[..., Any], options: DictConfig
) -> Callable[[NDArray[np.int64], int], IndexSampler]:
    """Return a factory of samplers, which refuses what is none of ours.

    Raises:
        UserError: it is a class that makes none.
    """
    unfit = unfit_part("sampler", options, "imbclf.samplers.IndexSampler")
    made = getattr(sampler, "func", sampler)
    if isinstance(made, type) and not issubclass(made, IndexSampler):
        raise unfit

    def build(labels: NDArray[np.int64], seed: int) -> IndexSampler:
        built = sampler(labels, seed)
        if not isinstance(built, IndexSampler):
            raise unfit
        return built

    return build


def own_or_imbclfs(augment: object, options: DictConfig) -> Augmentation | OwnAugmentation:
    """Return the augmentation, wrapped if it is the user's own.

    Raises:
        UserError: it cannot be called.
    """
    if isinstance(augment, Augmentation):
        return augment
    if not callable(augment):
        raise UserError(
            f"augment: {options.get('_target_')} has to be callable with images [N, 3, H, W] and "
            "return the same shape, as a torch.nn.Module"
        )
    return OwnAugmentation(augment)


def unfit_part(group: str, options: DictConfig, expected: str) -> UserError:
    """Return the error that a part is not of the class that it has to be."""
    return UserError(f"{group}: {options.get('_target_')} has to be an {expected}")


def loss_factory(loss: Callable[..., nn.Module]) -> Callable[[tuple[int, int]], nn.Module]:
    """Return a function of the class counts, whether or not the loss uses them."""
    with explain_option("loss"):
        uses_counts = "class_counts" in inspect.signature(loss).parameters

    def build(class_counts: tuple[int, int]) -> nn.Module:
        with explain_option("loss"):
            return loss(class_counts=class_counts) if uses_counts else loss()

    return build
