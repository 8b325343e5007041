"""`imbclf.train`: what `imbclf-train` does, as a call."""

import logging
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import FrameType

from omegaconf import DictConfig

from imbclf.cli.api.overrides import as_arguments
from imbclf.cli.config.build import experiment_from
from imbclf.cli.config.compose import compose_train
from imbclf.cli.config.experiment_file import register_experiment_files
from imbclf.cli.config.session import hydra_session
from imbclf.cli.config.stored import finished_job
from imbclf.cli.config.validation import check
from imbclf.errors import Interrupted
from imbclf.evaluation.run_command import write_command
from imbclf.reporting.run import Run
from imbclf.utils.process_state import unchanged_process

Options = Mapping[str, object]


def train(
    data: str | PathLike[str] | Options | None = None,
    *,
    out: str | PathLike[str] | None = None,
    config: str | PathLike[str] | Options | None = None,
    **options: object,
) -> Run:
    """Train K folds on a folder of labeled images and return the finished run.

    The options are those of `imbclf-train`, and so is what they compose to: the same options and
    seed give the same `oof.csv`. Ctrl-C keeps finished folds and the last whole epoch; the same
    call with the same `out` resumes.

    Args:
        data: the data folder, `"demo"` for drawn faces, or options of the group `data`; None
            leaves it to the other arguments, and is the demo where these say nothing.
        out: the run directory; None is a new one below `outputs/train`.
        config: an experiment file (YAML), or a mapping of options.
        options: choices (`model="resnet18"`), groups (`optim={"lr": 1e-3}`) and, by their dotted
            names, options (`**{"trainer.max_epochs": 8}`).

    Raises:
        UserError: a mistake in the options or the data, in the words of the command.
        KeyboardInterrupt: Ctrl-C.

    >>> import imbclf
    >>> imbclf.train("photos/", modle="resnet18")
    Traceback (most recent call last):
    imbclf.errors.UserError: unknown option modle; did you mean model?
    """
    arguments = [*_data_arguments(data), *_config_arguments(config), *as_arguments(options)]
    run = Path(out).expanduser() if out is not None else _new_run_directory()
    with unchanged_process(), interruptible(), hydra_session():
        cfg = _composed(register_experiment_files(arguments))
        if finished_job(cfg, run) is None:
            experiment = experiment_from(cfg)
            write_command(run, arguments)
            _log_to(run / "train.log")
            experiment(run)
    return Run(run)


def _data_arguments(data: str | PathLike[str] | Options | None) -> list[str]:
    if data is None:
        return []
    if data == "demo":
        return ["data=demo"]
    chosen = data if isinstance(data, Mapping) else {"dir": str(data)}
    return ["data=folder", *as_arguments({"data": chosen})]


def _config_arguments(config: str | PathLike[str] | Options | None) -> list[str]:
    if config is None:
        return []
    return as_arguments(config) if isinstance(config, Mapping) else [f"experiment={config}"]


def _new_run_directory() -> Path:
    return Path("outputs/train") / datetime.now().strftime("%Y-%m-%d_%H-%M-%S_%f")


def _composed(arguments: list[str]) -> DictConfig:
    cfg, _ = compose_train(arguments)
    check(cfg, "train")
    return cfg


def _log_to(file: Path) -> None:
    """Append the package's messages to a file, until `unchanged_process` ends."""
    file.parent.mkdir(parents=True, exist_ok=True)
    logger, handler = logging.getLogger("imbclf"), logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C stop training within seconds; Lightning would end the whole process."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    except Interrupted as interruption:
        raise KeyboardInterrupt from interruption


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise Interrupted(number)
