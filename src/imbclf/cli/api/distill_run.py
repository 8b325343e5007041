"""`imbclf.distill`: what `imbclf-distill` does, as a call."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from hydra import compose
from omegaconf import DictConfig, OmegaConf

from imbclf.cli.api.overrides import as_arguments
from imbclf.cli.api.train_run import interruptible
from imbclf.cli.config.distillation import distill_with
from imbclf.cli.config.home_paths import with_home
from imbclf.cli.config.session import hydra_session
from imbclf.cli.config.student import student_configuration
from imbclf.reporting.run import Run
from imbclf.training.distillation.student_fold import StudentOptions
from imbclf.utils.process_state import unchanged_process


def distill(
    run: Run | str | PathLike[str],
    *,
    model: str | Mapping[str, object] | None = None,
    share: float = 0.5,
    epochs: int | None = None,
    dev_fraction: float | None = None,
    data: str | PathLike[str] | None = None,
    out: str | PathLike[str] | None = None,
    overwrite: bool = False,
    trust: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Train one network that stands in for a run's ensemble; return what it loses and gains.

    Ctrl-C keeps the last whole epoch; the same call resumes.

    Args:
        run: a finished run, or its directory.
        model: another network, by the name of its choice (`"mobilenet_v3_small"`), or options that
            change the run's network (`{"weights": FILE}`); None is that of the run.
        share: of the loss that imitates the fold models, 0 to 1; 0 learns from labels alone.
        epochs: passes over the images; None as many as the run planned, and in a refit as its folds
            chose on average.
        dev_fraction: share of the images that the threshold is chosen on; None is that of the run.
        data: folder of the run's images, where they have moved.
        out: the student's folder, which `imbclf.load` takes; None is `distilled` in the run.
        overwrite: whether an earlier student there may be replaced.
        trust: approvals of what the run's configuration names beyond imbclf's own code
            (`"loss._target_=mine.Loss"`), as on the command line.

    Returns:
        The contents of `distill.json`: `comparison` (`how`, errors of `ensemble` and `student`,
        `loss`, `loss_interval`, `relative_loss`), `cost`, `threshold`, `epochs`, `images`, ...

    Raises:
        UserError: the run is not finished, or an option is out of range.
        KeyboardInterrupt: Ctrl-C.

    >>> import imbclf
    >>> imbclf.distill("outputs/no_such_run")
    Traceback (most recent call last):
    imbclf.errors.UserError: run=outputs/no_such_run: expected a finished run directory of \
imbclf-train (with summary.json)
    """
    folder = Path(with_home(run.path if isinstance(run, Run) else run))
    options = StudentOptions(share, epochs, dev_fraction)
    where = folder / "distilled" if out is None else Path(out).expanduser()
    images = None if data is None else with_home(data)
    with unchanged_process(), interruptible(), hydra_session():
        cfg = student_configuration(folder, _network(model), images, trust)
        return distill_with(cfg, folder, where, options, overwrite)


def _network(model: str | Mapping[str, object] | None) -> DictConfig | None:
    """Return the options of a network by the name of its choice, or as they are given."""
    if model is None:
        return None
    if not isinstance(model, str):
        return OmegaConf.create(dict(model))
    cfg = compose("distill", ["run=''", *as_arguments({"model": model})])
    return DictConfig(OmegaConf.to_container(cfg.model, resolve=True))
