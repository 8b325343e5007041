"""The configuration in a run directory, for resuming the run or gathering its folds."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imbclf.cli.config.current_names import use_current_names
from imbclf.cli.config.trust import is_approval, refuse_links, refuse_untrusted
from imbclf.errors import UserError
from imbclf.utils.safe_reading import read_yaml, readable

INTERPOLATION = "${"


def stored_configuration(run: Path, others: Sequence[str]) -> DictConfig:
    """Read the configuration of a run to resume; nothing that it names has been called yet.

    Args:
        run: the run directory.
        others: further arguments; only approvals, see `is_approval`.

    Raises:
        UserError: the run cannot be resumed, or as `refuse_untrusted`.
    """
    unsupported = [other for other in others if not is_approval(other)]
    if (run / "summary.json").exists():
        raise UserError(
            f"resume={run}: this run is finished, and {_train_anew(run, unsupported)}"
            f"{missing_report(run)}"
        )
    if (run / "multirun.yaml").exists():
        raise UserError(
            f"resume={run}: this is a sweep; repeat the command that started it, with resume={run}"
        )
    if unsupported:
        raise UserError(
            f"resume={run}: a run keeps its configuration; remove {' '.join(unsupported)}"
        )
    cfg = load_configuration(run, "resume")
    refuse_links(run)
    refuse_untrusted([cfg], run / "config.yaml", others, f"imbclf-train resume={run}")
    return cfg


def _train_anew(run: Path, changes: Sequence[str]) -> str:
    """Return how to go beyond a finished run, whose schedules and results are of its epochs.

    Args:
        run: the run directory.
        changes: what the user asked for.
    """
    wanted = " ".join(changes) or "trainer.max_epochs=..."
    return (
        "its results stay as they are. To change it, train another run: repeat its command (its "
        f"options are in {run / 'config.yaml'}) with {wanted}; add cv.start_from={run} to begin "
        "with its trained networks (each fold with a new head, the learning rate from its start)"
    )


def missing_report(run: Path) -> str:
    """Return how to write the report of a finished run that was interrupted in writing it."""
    if (run / "report.html").exists():
        return ""
    return f". Its report was not written; write it with  imbclf-report {run}"


def finished_job(cfg: DictConfig, run: Path) -> float | None:
    """Return the HTER of a finished job; None if it is to be started or resumed.

    A run that was refused before its images were divided has nothing to lose, and may be started
    with other options.

    Args:
        cfg: configuration of the job as requested now.
        run: its run directory.

    Raises:
        UserError: the directory holds a run of another configuration.
    """
    if not all((run / file).exists() for file in ("config.yaml", "splits.csv")):
        return None
    requested = OmegaConf.create(OmegaConf.to_yaml(cfg, resolve=True))
    use_current_names(requested)  # as for the stored one, whose default values may have changed
    if load_configuration(run, "resume") != requested:
        raise UserError(
            f"{run} holds a run of another configuration; repeat the original command or choose "
            "another folder"
        )
    if not (run / "summary.json").exists():
        return None
    from imbclf.evaluation.run_directory import read_summary

    return float(read_summary(run)["hter"])


def load_configuration(run: Path, option: str) -> DictConfig:
    """Read a run's configuration as plain values; nothing in it is resolved or called.

    Raises:
        UserError: there is none, or it is not what `imbclf-train` writes.
    """
    expected = "a run directory with a readable config.yaml"
    with readable(f"{option}={run}", expected, also=(OmegaConfBaseException,)):
        stored = read_yaml(run / "config.yaml")
        if INTERPOLATION in str(stored):  # ${oc.env:...} would be resolved and written down
            raise ValueError(f"{INTERPOLATION}...}}: expected plain values")
        cfg = OmegaConf.load(run / "config.yaml")  # reads 1e-3 as a number, unlike YAML
        assert isinstance(cfg, DictConfig)
        use_current_names(cfg)
    return cfg
