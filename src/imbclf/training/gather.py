"""Gather folds that were trained by different processes into one run directory."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from imbclf.errors import UserError
from imbclf.evaluation.fold_files import (
    BEST,
    METRICS,
    RESULT,
    SCORES,
    fold_folder,
    read_fold,
)
from imbclf.prediction.fold_model import FoldModel
from imbclf.prediction.fold_model_files import save_fold_model
from imbclf.prediction.manifest import stored_pixel_options
from imbclf.prediction.predictor import Predictor
from imbclf.training.time_limit import read_plan, write_plan
from imbclf.utils.files import atomic_write


def gather_folds(runs: Mapping[int, Path], gathered: Path) -> None:
    """Copy finished folds into one run directory, as if one process had trained them all.

    Results of all folds (out-of-fold scores, summary, report) are not written: the directory is
    that of a run that was interrupted after its last fold.

    Args:
        runs: the run directory of each fold, by the fold's number.
        gathered: the run directory to write; folds that it has are overwritten.

    Raises:
        UserError: a fold is damaged or not finished, or its run's predictor lacks its model.
    """
    for fold, run in sorted(runs.items()):
        if read_fold(run, fold) is None:
            raise UserError(f"{fold_folder(run, fold)}: this fold is not finished")
        _copy_plan(run, gathered)
        model = _copy_fold_model(run / "predictor", fold, gathered / "predictor")
        checkpoint = () if model.backbone.head.takes_stages else (BEST,)
        for name in (*checkpoint, METRICS, SCORES, RESULT):  # the last: the fold is finished
            _copy(fold_folder(run, fold) / name, fold_folder(gathered, fold) / name)


def _copy_fold_model(source: Path, fold: int, target: Path) -> FoldModel:
    """Copy one fold's model from a predictor to another, and return it."""
    predictor = Predictor.load(source)
    found = [one for one in predictor.fold_models if one.name == f"fold_{fold}"]
    if not found:
        raise UserError(f"{source}: has no model of fold {fold}")
    metadata = {
        "architecture": found[0].backbone.architecture,
        "image_size": list(predictor.image_size),
        "label_names": list(predictor.label_names),
        **stored_pixel_options(predictor.pixel_options),
        **found[0].rule,
    }
    save_fold_model(target, fold, metadata, found[0].weights, predictor.tta)
    return found[0]


def _copy_plan(run: Path, gathered: Path) -> None:
    """Copy the plan of a fold's run with a time limit, if it has one.

    Raises:
        UserError: folds were planned for different numbers of epochs.
    """
    own, others = read_plan(run), read_plan(gathered)
    if own is None:
        return
    if others is not None and own.epochs != others.epochs:
        raise UserError(
            f"{run}: trainer.time_limit allowed {own.epochs} epochs here and {others.epochs} in "
            "another fold. Train all folds as one run, or set trainer.max_epochs for all jobs"
        )
    write_plan(gathered, own)


def _copy(source: Path, target: Path) -> None:
    if source.is_symlink() or not source.is_file():
        raise UserError(f"{source}: expected a file that imbclf-train wrote")
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)
