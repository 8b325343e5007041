"""The group `trainer`: a factory of Lightning trainers, and the mode of torch.compile."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import get_args

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException

from imbclf.cli.config.error_context import explain_option
from imbclf.errors import UserError
from imbclf.training.distributed import strategy_of
from imbclf.training.recipe import CompileMode


def trainer_factory(
    trainer: Callable[..., L.Trainer],
    precision: str | int,
    freezes: bool,
    callbacks: Sequence[L.Callback] = (),
) -> tuple[Callable[..., L.Trainer], torch.device]:
    """Return a trainer factory with the options that imbclf sets itself, and its first device.

    Args:
        trainer: makes Lightning's trainer with the user's options.
        precision: Lightning's, or `auto`.
        freezes: whether part of the network is frozen for a while.
        callbacks: of the user.

    Raises:
        UserError: Lightning rejects an option, or one is incompatible with several devices.
    """
    factory = partial(
        trainer,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
    )
    with explain_option("trainer", MisconfigurationException, ImportError):
        sample = factory(precision="32-true")
        device = sample.strategy.root_device
        if precision != "auto":
            factory(precision=precision)
    # Such as two of one kind, or one that wants what imbclf does itself.
    with explain_option("trainer.callbacks", MisconfigurationException, RuntimeError):
        factory(precision="32-true", callbacks=[*callbacks])
    if sample.world_size > 1:
        factory = partial(factory, strategy=strategy_of(sample, freezes))
    return factory, device


def parse_compile_mode(choice: bool | str) -> CompileMode | None:
    """Return the mode of `torch.compile` that `trainer.compile` selects; None for no compilation.

    Raises:
        UserError: `torch.compile` has no such mode.

    >>> parse_compile_mode(True)
    'default'
    """
    if isinstance(choice, bool):
        return "default" if choice else None
    for mode in get_args(CompileMode):
        if choice == mode:
            return mode  # type: ignore[no-any-return]
    modes = ", ".join(get_args(CompileMode))
    raise UserError(f"trainer.compile={choice}: expected true, false or a mode: {modes}")
