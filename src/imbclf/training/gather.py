"""One run directory of folds that were trained by different processes."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from imbclf.errors import UserError
from imbclf.evaluation.run_directory import BEST, METRICS, RESULT, SCORES, fold_folder, read_fold
from imbclf.prediction.fold_model import save_fold_model
from imbclf.prediction.predictor import Predictor
from imbclf.utils.files import atomic_write


def gather_folds(runs: Mapping[int, Path], gathered: Path) -> None:
    """Bring finished folds into one run directory, as if one process had trained them all.

    What follows from all of them (out-of-fold scores, summary, report) is not written: the
    directory is that of a run which was broken off behind its last fold.

    Args:
        runs: the run directory that has a fold, by the fold's number.
        gathered: where they go; folds that are there already are brought again.

    Raises:
        UserError: a fold is damaged or not finished, or has no model in its run's predictor.
    """
    for fold, run in sorted(runs.items()):
        if read_fold(run, fold) is None:
            raise UserError(f"{fold_folder(run, fold)}: this fold is not finished")
        _adopt_member(run / "predictor", fold, gathered / "predictor")
        for name in (BEST, METRICS, SCORES, RESULT):  # the last says that the fold is finished
            _copy(fold_folder(run, fold) / name, fold_folder(gathered, fold) / name)


def _adopt_member(source: Path, fold: int, into: Path) -> None:
    """Write one fold's model of a predictor into another, which it does not have to fit."""
    predictor = Predictor.load(source)
    found = [one for one in predictor.fold_models if one.name == f"fold_{fold}"]
    if not found:
        raise UserError(f"{source}: has no model of fold {fold}")
    card = {
        "architecture": found[0].backbone.architecture,
        "image_size": list(predictor.image_size),
        "label_names": list(predictor.label_names),
        **found[0].rule,
    }
    save_fold_model(into, fold, card, found[0].weights, predictor.tta)


def _copy(source: Path, target: Path) -> None:
    if source.is_symlink() or not source.is_file():
        raise UserError(f"{source}: expected a file that imbclf-train wrote")
    with atomic_write(target) as beside:
        shutil.copyfile(source, beside)
