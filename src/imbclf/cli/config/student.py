"""The configuration of a student: that of its run, with another network or data folder."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf, open_dict

from imbclf.cli.config.stored import load_configuration
from imbclf.cli.config.trust import refuse_links, refuse_untrusted
from imbclf.cli.config.validation import check
from imbclf.errors import UserError


def student_configuration(
    run: Path, model: DictConfig | None, folder: str | None, approved: Sequence[str]
) -> DictConfig:
    """Return the configuration that a student is trained with; nothing in it is called.

    Args:
        run: the finished run directory.
        model: the options of another network, or changes to those of the run's; None keeps these.
        folder: where the images are now; None is where the run found them.
        approved: arguments that approve what the configuration names, see `is_approval`.

    Raises:
        UserError: the run is not finished, or as `refuse_untrusted`.
    """
    if not (run / "summary.json").exists():
        unfinished = (run / "config.yaml").exists()
        raise UserError(
            f"run={run}: expected a finished run directory of imbclf-train"
            + (f"; finish it: imbclf-train resume={run}" if unfinished else "")
        )
    cfg = load_configuration(run, "run")
    refuse_links(run)
    refuse_untrusted([cfg], run / "config.yaml", approved, f"imbclf-distill {run}")
    with open_dict(cfg):
        cfg.trainer.devices = 1
        cfg.trainer.time_limit = None
        cfg.cv.start_from = None  # of folds, whose weights know the student's dev part
        if model is not None:
            cfg.model = model if "_target_" in model else OmegaConf.merge(cfg.model, model)
        if folder is not None:
            cfg.data.dir = folder
            cfg.data.pop("make", None)
    check(cfg, "train")
    return cfg
