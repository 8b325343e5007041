"""The configuration of a student: that of its run, with another network or data folder."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf, open_dict

from imbclf.cli.config.stored import load_configuration
from imbclf.cli.config.trust import refuse_links, refuse_untrusted
from imbclf.cli.config.validation import check
from imbclf.evaluation.finished_run import refuse_unfinished


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
    refuse_unfinished(run)
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
