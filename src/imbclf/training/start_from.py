"""Training in two stages: each fold starts from the same fold of an earlier run."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from imbclf.data.splits import Fold
from imbclf.errors import UserError
from imbclf.evaluation.fold_files import (
    BEST,
    fold_folder,
)
from imbclf.evaluation.run_directory import read_splits
from imbclf.models.backbone import Backbone
from imbclf.prediction.fold_model import read_checkpoint
from imbclf.utils.safe_reading import readable


def check_start(
    earlier: Path, fold: Fold, number: int, folds: int, files: NDArray[np.str_]
) -> None:
    """Check that the earlier run's model of this fold saw none of its dev and test images.

    Args:
        earlier: run directory of the earlier run.
        fold: rows into `files`.
        number: the fold's number, the same in both runs.
        folds: K, the same in both runs.
        files: str `[N]`.

    Raises:
        UserError: that fold of the run is missing or unfinished, or its model was fitted on dev or
            test images of this fold, or chosen on its test images.
    """
    if not (fold_folder(earlier, number) / "result.json").exists():
        raise UserError(
            f"cv.start_from={earlier}: fold {number} is missing or not finished. Expected a run "
            f"directory of imbclf-train with cv.folds={folds}"
        )
    parts = read_splits(earlier, number)
    for own, judged, taken in (("test", fold.test, ("fit", "dev")), ("dev", fold.dev, ("fit",))):
        seen = [name for name in files[judged].tolist() if parts.get(name) in taken]
        if seen:
            raise UserError(
                f"cv.start_from={earlier}: its fold {number} saw {len(seen)} of the {len(judged)} "
                f"{own} images of this fold ({seen[0]}), so that the result would be "
                "too optimistic. Use the same data, seed, cv.folds and cv.dev_fraction as that run"
            )


def start_weights(earlier: Path, number: int, backbone: Backbone) -> Mapping[str, Tensor]:
    """Return the weights of the earlier run's fold without its head, for this backbone.

    Raises:
        UserError: the checkpoint is damaged, or of another architecture.
    """
    path = fold_folder(earlier, number) / BEST
    metadata, weights = read_checkpoint(path)
    for key in ("name", "stem", "input_size"):
        with readable(path, "a checkpoint of imbclf-train that names its architecture"):
            theirs = metadata["architecture"][key]
        ours = dict(backbone.architecture)[key]
        if not isinstance(theirs, str | int | None) or theirs != ours:
            shown = theirs if isinstance(theirs, str | int | None) else "something else"
            raise UserError(
                f"cv.start_from={earlier}: {path} has model.{key}={shown}, this run {ours}. Use "
                "the same model for both"
            )
    prefix = "network."
    found = {
        name.removeprefix(prefix): tensor
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }
    own = backbone.network.state_dict()
    if {k: t.shape for k, t in found.items()} != {k: t.shape for k, t in own.items()}:
        raise UserError(
            f"cv.start_from={earlier}: the weights in {path} do not fit its own architecture"
        )
    return found
