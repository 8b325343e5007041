"""Where predictors lie: a run directory, a folder, a fold's checkpoint, or an address of MLflow."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, ListConfig

from imbclf.cli.app.launch import log
from imbclf.errors import UserError

if TYPE_CHECKING:
    from imbclf.prediction.predictor import Predictor


def addresses_of(ckpt: object) -> Sequence[str]:
    """Return the addresses of an option that names one or several.

    >>> addresses_of("run"), addresses_of(ListConfig(["one", "two"]))
    (['run'], ['one', 'two'])
    """
    return [str(one) for one in (ckpt if isinstance(ckpt, ListConfig) else [ckpt])]


def load_ensemble(ckpt: object, tracking: DictConfig) -> "Predictor":
    """Load what an option names, as one ensemble.

    Raises:
        UserError: as `load`, or where they do not go together.
    """
    from imbclf.prediction.predictor import join

    return join([load(address, tracking) for address in addresses_of(ckpt)])


def load(address: str, tracking: DictConfig) -> "Predictor":
    """Load a run directory, a predictor folder, a fold's checkpoint or an MLflow address.

    Raises:
        UserError: where it is none of these.
    """
    from imbclf.prediction.predictor import Predictor

    path = Path(address)
    if path.is_file():
        return Predictor.from_checkpoint(path)
    folder = predictor_folder(address, tracking)
    if folder is None:
        raise UserError(
            f"ckpt={address}: expected a run directory of imbclf-train, a fold's checkpoint "
            "(fold_0/best.ckpt), or an MLflow address (runs:/ID, models:/NAME@ALIAS)"
        )
    if (path / "config.yaml").exists() and not (path / "summary.json").exists():
        log.warning("%s: this run is not finished; the folds that are decide", path)
    return Predictor.load(folder)


def peek_size(ckpt: object) -> tuple[int, int] | None:
    """Return the (height, width) of the images of a predictor on this machine, without loading it.

    None where it is elsewhere, or damaged: loading it will say so.
    """
    from imbclf.prediction.manifest import Manifest, find_predictor

    folder = find_predictor(Path(addresses_of(ckpt)[0]))
    try:
        return None if folder is None else Manifest.load(folder).image_size
    except UserError:
        return None


def predictor_folder(address: str, tracking: DictConfig) -> Path | None:
    """Return the folder of a predictor, fetched where MLflow has it; None where there is none.

    Raises:
        UserError: MLflow has none at that address.
    """
    from imbclf.prediction.manifest import find_predictor

    if address.startswith(("runs:/", "models:/")):
        from imbclf.tracking.mlflow_models import download_predictor

        return download_predictor(address, tracking.uri, Path(tracking.directory))
    return find_predictor(Path(address))
