"""Train a student from a checked configuration. Imports torch."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from imbclf.cli.config.build import build_parts, tracked, tracker_from
from imbclf.cli.config.tracking import run_params
from imbclf.errors import UserError
from imbclf.evaluation.run_directory import STUDENT_RESULT, TRACKING_RUN
from imbclf.models.heads import Head
from imbclf.training.distillation.distill import distill_run
from imbclf.training.distillation.student_fold import StudentOptions
from imbclf.training.preparation import prepare
from imbclf.utils.files import write_text
from imbclf.utils.run_lock import lock_run

STUDENT = "student.yaml"  # what an unfinished student is trained with
FOLDERS = ("fold_0", "predictor")  # of a student
RUN_FILES = ("config.yaml", "summary.json", "splits.csv")


def distill_with(
    cfg: DictConfig, run: Path, out: Path, options: StudentOptions, overwrite: bool
) -> dict[str, Any]:
    """Train a student in a folder, or resume it there; return the contents of `distill.json`.

    Args:
        cfg: the student's configuration, see `student_configuration`.
        run: the finished run directory.
        out: the student's folder.
        options: how it is trained.
        overwrite: whether an earlier student there may be replaced.

    Raises:
        UserError: the folder holds something else, or the run has no student.
    """
    head: type[Head] = get_class(cfg.head._target_)
    if head.takes_stages:
        raise UserError(
            f"{run}: its fold models share one frozen network, which scores an image once for all "
            "of them: they are one network already. Predict with the run or export it as it is"
        )
    written = OmegaConf.to_yaml({"options": asdict(options), "run": str(run), "config": cfg})
    if found := [name for name in RUN_FILES if (out / name).exists()]:
        raise UserError(f"out={out}: holds a run ({found[0]}); choose another folder")
    finished = (out / STUDENT_RESULT).exists()
    same = (out / STUDENT).exists() and (out / STUDENT).read_text("utf-8") == written
    if finished and not overwrite:
        raise UserError(f"out={out}: holds a student already; choose another or overwrite=true")
    if (out / STUDENT).exists() and not same and not overwrite:
        raise UserError(
            f"out={out}: holds an unfinished student of other options; repeat that command, "
            "choose another folder or overwrite=true"
        )
    is_student = finished or (out / STUDENT).exists()
    foreign = [] if is_student else [name for name in FOLDERS if (out / name).exists()]
    if foreign:
        raise UserError(
            f"out={out}: holds {foreign[0]}, which is no student's; choose another folder"
        )
    parts, tracking = build_parts(cfg), tracker_from(cfg, f"{run.name} distilled")
    with lock_run(out):
        prepared = prepare(parts, run)
        if finished or not same:
            _remove_student(out)
        write_text(out / STUDENT, written)
        with tracked(tracking):
            return distill_run(prepared, run, out, options, tracking, run_params(cfg))


def _remove_student(out: Path) -> None:
    """Remove what an earlier student left, and nothing else; the result first."""
    for name in (STUDENT_RESULT, TRACKING_RUN, STUDENT):
        (out / name).unlink(missing_ok=True)
    for name in FOLDERS:
        shutil.rmtree(out / name, ignore_errors=True)
