"""Read a predictor from the files of a run, and from the checkpoint of one fold."""

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

from imbclf.augment.tta import Tta
from imbclf.errors import UserError
from imbclf.models.backbone import Backbone
from imbclf.prediction.fold_model import build_fold_model, read_checkpoint
from imbclf.prediction.fold_model_files import load_fold_model
from imbclf.prediction.manifest import (
    MANIFEST,
    Manifest,
    check_fold_model,
    find_predictor,
    read_image_size,
    read_label_names,
    read_pixel_options,
)
from imbclf.prediction.training_statistics import read_training_statistics
from imbclf.utils.safe_reading import readable

if TYPE_CHECKING:
    from imbclf.prediction.predictor import Predictor

Kind = TypeVar("Kind", bound="Predictor")


def read_predictor(kind: type[Kind], path: Path, probe: bool = True) -> Kind:
    """Read a predictor from a run directory, or from its folder `predictor`.

    Args:
        kind: the class of the predictor.
        path: of the folder.
        probe: False leaves out the probes.

    Raises:
        UserError: a file is missing or damaged.
    """
    folder = find_predictor(path) or path
    manifest = Manifest.load(folder)
    if manifest.tta not in get_args(Tta):
        raise UserError(
            f"{folder / MANIFEST}: tta: expected {', '.join(get_args(Tta))}, found "
            f"{manifest.tta[:100]!r}. Predict with the version of imbclf that wrote it"
        )
    shared: dict[str, Backbone] = {}
    models = [load_fold_model(folder, entry, probe, shared) for entry in manifest.entries]
    return kind(
        fold_models=tuple(models),
        image_size=manifest.image_size,
        label_names=manifest.label_names,
        tta=manifest.tta,  # type: ignore[arg-type]
        training_statistics=read_training_statistics(folder),
        pixel_options=manifest.pixel_options,
        ensemble=manifest.ensemble,
    )


def read_fold_predictor(kind: type[Kind], path: Path, probe: bool = True) -> Kind:
    """Read a predictor of one fold model from a checkpoint. Arguments as for `read_predictor`.

    Raises:
        UserError: the file is no checkpoint of a fold.
    """
    stored, weights = read_checkpoint(path)
    with readable(path, "a checkpoint of imbclf-train"):
        image_size, label_names = read_image_size(stored), read_label_names(stored)
        options = read_pixel_options(stored)
        check_fold_model(stored)
    model = build_fold_model(stored, weights, path, probe)
    return kind((model,), image_size, label_names, pixel_options=options)
