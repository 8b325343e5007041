"""`imbclf.evaluate`: a run judged on labeled images that it never saw."""

import tempfile
from os import PathLike
from pathlib import Path
from typing import Any

from imbclf.cli.config.home_paths import with_home
from imbclf.data.dataset import LabelledFolder
from imbclf.data.listing import Listing
from imbclf.errors import UserError
from imbclf.evaluation.evaluate_unseen import evaluate_unseen
from imbclf.evaluation.operating_scores import operating_point_of
from imbclf.evaluation.run_directory import STUDENT_RESULT
from imbclf.evaluation.unseen_images import held_out_images, other_images, run_of
from imbclf.prediction.decision_options import DecisionOptions, given_or_usual
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.scoring import check_precision, pick_device
from imbclf.reporting.run import Run
from imbclf.tracking.addresses import load_predictor

BATCH_SIZE = 512


def evaluate(
    run: Run | Predictor | str | PathLike[str],
    data: LabelledFolder | str | PathLike[str] | None = None,
    *,
    out: str | PathLike[str] | None = None,
    options: DecisionOptions | None = None,
    accelerator: str = "auto",
    precision: str | int = "32-true",
    positive: str | None = None,
    prevalence: float | None = None,
) -> dict[str, Any]:
    """Judge a run's ensemble on labeled images; nothing is chosen on them.

    Args:
        run: a run, a predictor, or the address of one (see `imbclf.load`).
        data: a folder of labeled images, laid out as for training; None takes the images that the
            run held out (`data.holdout`).
        out: folder for `evaluation.json` and `predictions.csv`; None keeps neither.
        options: views, calibration and threshold; None decides as the ensemble does.
        accelerator: auto, cpu, gpu, cuda or mps.
        precision: 32-true, bf16-mixed, 16-mixed or auto, the fastest on the device.
        positive: label that `detection` is about; None is that of `data.positive`, else the rarer.
        prevalence: its share where PPV and NPV are to apply; None is that of these images.

    Returns:
        The contents of `evaluation.json`: hter, hter_interval, far, frr, auroc, ..., `looks`, how
        many different results have been seen on these images, and `shared_with_training`, the
        numbers of copies and groups of images that the run was trained on, which a warning
        reports too.

    Raises:
        UserError: the images are those of the training, or cannot be read.
    """
    chosen = given_or_usual(options)
    check_precision(precision)
    device = pick_device(accelerator)
    predictor, directory = _predictor_and_run(run)
    scored = directory
    if isinstance(run, str | PathLike) and (Path(with_home(run)) / STUDENT_RESULT).exists():
        scored = Path(with_home(run))  # whose scores are not those of its run
    folder, listing = _images(data, directory)
    point = chosen.operating_point(None) if scored is None else operating_point_of(chosen, scored)
    with tempfile.TemporaryDirectory() as scratch:
        folder_of_files = Path(scratch if out is None else out).expanduser()
        return evaluate_unseen(
            predictor,
            folder,
            listing,
            chosen,
            point,
            device,
            precision,
            folder_of_files,
            directory,
            positive,
            prevalence,
        )


def _predictor_and_run(
    run: Run | Predictor | str | PathLike[str],
) -> tuple[Predictor, Path | None]:
    if isinstance(run, Predictor):
        return run, None
    address = with_home(run.path if isinstance(run, Run) else run)
    return load_predictor(address), run_of(address)


def _images(
    data: LabelledFolder | str | PathLike[str] | None, run: Path | None
) -> tuple[LabelledFolder, Listing]:
    if data is not None:
        if not isinstance(data, LabelledFolder):
            data = LabelledFolder(with_home(data), batch_size=BATCH_SIZE)
        return data, other_images(data, run)
    if run is None:
        raise UserError("data=None: only a run directory knows the images that it held out")
    return held_out_images(run, "outputs/cache", BATCH_SIZE)
