"""Build the parts of an experiment from a checked configuration. Imports torch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from torch import nn

from imbclf.cli.app.signals import acknowledge_interrupt
from imbclf.cli.config.error_context import explain_option
from imbclf.cli.config.extensions import callback_factory, check_log_interval, logger_factory
from imbclf.cli.config.flat import flatten
from imbclf.cli.config.model_factory import model_factory
from imbclf.cli.config.part_factories import (
    loss_factory,
    own_or_imbclfs,
    refuse_bare_optimizer,
    sampler_factory,
)
from imbclf.cli.config.tracking import run_params, tracking_options
from imbclf.cli.config.trainer_options import parse_compile_mode, trainer_factory
from imbclf.cli.config.validation import EXTRA_OPTIONS
from imbclf.errors import Interrupted, UserError
from imbclf.tracking.base import Tracker
from imbclf.training.experiment import run_experiment
from imbclf.training.lightning_warnings import silence_lightning
from imbclf.training.preparation import prepare
from imbclf.training.recipe import ExperimentParts
from imbclf.training.time_limit import Deadline, parse_time_limit
from imbclf.utils.files import write_text
from imbclf.utils.run_lock import lock_run

SEEDS = 2**32  # of scikit-learn; repeat r of the folds is split with seed + r


def experiment_from(
    cfg: DictConfig, tracker: Tracker | None = None, name: str | None = None
) -> Callable[[Path], float]:
    """Build an experiment; return a function that runs it in a run directory and returns its HTER.

    The function writes `config.yaml` there before it trains.

    Args:
        cfg: the checked configuration.
        tracker: records the run; None for the one of the configuration.
        name: of the run in the tracking store; None for that of its directory.

    Raises:
        UserError: a part rejects its options.
    """
    parts, tracking = build_parts(cfg), tracker or tracker_from(cfg, name)

    def run_in(run: Path) -> float:
        params = run_params(cfg)
        with lock_run(run), tracked(tracking):
            write_text(run / "config.yaml", OmegaConf.to_yaml(cfg, resolve=True))
            summary = run_experiment(prepare(parts, run), tracking, run, params)
        return float(summary["hter"])

    return run_in


def build_parts(cfg: DictConfig) -> ExperimentParts:
    """Build the parts of an experiment.

    Raises:
        UserError: a part rejects its options.
    """
    silence_lightning()
    refuse_bare_optimizer(cfg.optim.get("_target_"))
    parts = {}
    for group in ("data", "augment", "head", "loss", "sampler", "optim", "trainer", "cv"):
        extra = EXTRA_OPTIONS.get(group, ())
        options = {key: value for key, value in cfg[group].items() if key not in extra}
        with explain_option(group):
            parts[group] = instantiate(options, _convert_="all")
    model = model_factory(cfg.model, parts["head"], parts["data"].image_size)
    most = SEEDS - parts["cv"].repeats
    if not isinstance(cfg.seed, int) or not 0 <= cfg.seed <= most:
        raise UserError(f"seed={cfg.seed}: expected a whole number, 0 to {most}")
    whole: Any = OmegaConf.to_container(cfg, resolve=True)
    callbacks = callback_factory(whole["trainer"].get("callbacks"))
    loggers = logger_factory(whole["trainer"].get("logger"), flatten(whole))
    check_log_interval(whole["trainer"])
    limit = parse_time_limit(whole["trainer"].get("time_limit"))
    freezes = parts["optim"].frozen > 0
    trainer, device = trainer_factory(parts["trainer"], cfg.trainer.precision, freezes, callbacks())
    with explain_option("optim"):  # some optimizers take one group of parameters only
        groups = [{"params": [nn.Parameter(torch.zeros(1))]} for _ in range(2)]
        parts["optim"].optimizer(groups)
    return ExperimentParts(
        data=parts["data"],
        augment=own_or_imbclfs(parts["augment"], cfg.augment),
        model=model,
        loss=loss_factory(parts["loss"]),
        sampler=sampler_factory(parts["sampler"], cfg.sampler),
        optim=parts["optim"],
        trainer=trainer,
        cv=parts["cv"],
        seed=cfg.seed,
        precision=cfg.trainer.precision,
        compile_mode=parse_compile_mode(cfg.trainer.get("compile", False)),
        device=device,
        callbacks=callbacks,
        loggers=loggers,
        deadline=Deadline.after(limit),
    )


def tracker_from(cfg: DictConfig, name: str | None = None) -> Tracker:
    """Build the tracker.

    Args:
        cfg: the configuration.
        name: of the run; None for that of its directory.

    Raises:
        UserError: it rejects its options.
    """
    with explain_option("tracking"):
        tracker: Tracker = instantiate(tracking_options(cfg, name), _convert_="all")
    return tracker


@contextmanager
def tracked(tracking: Tracker) -> Iterator[None]:
    """End the tracker's run with the status of the block: finished, failed or killed."""
    try:
        yield
    except Interrupted:
        acknowledge_interrupt()
        tracking.end("KILLED")
        raise
    except BaseException:
        tracking.end("FAILED")
        raise
    tracking.end("FINISHED")
