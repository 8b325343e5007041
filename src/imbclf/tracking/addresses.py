"""Where predictors lie: a run directory, a folder, a fold's checkpoint, or an address of MLflow."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imbclf.errors import UserError

if TYPE_CHECKING:
    from imbclf.prediction.manifest import Manifest
    from imbclf.prediction.predictor import Predictor

log = logging.getLogger("imbclf")
STORE = Path("outputs/mlflow")  # the embedded store, below the working directory


def addresses_of(run: object) -> list[str]:
    """Return the addresses of an option that names one or several.

    >>> addresses_of("run"), addresses_of(["one", "two"])
    (['run'], ['one', 'two'])
    """
    if isinstance(run, Sequence) and not isinstance(run, str):
        return [str(one) for one in run]
    return [str(run)]


def load_ensemble(
    addresses: Sequence[str], uri: str | None = None, directory: str | Path = STORE
) -> "Predictor":
    """Load the predictors at several addresses as one ensemble.

    Raises:
        UserError: as `load_predictor`, or where they do not go together.
    """
    from imbclf.prediction.join_predictors import join

    return join([load_predictor(address, uri, directory) for address in addresses])


def load_predictor(
    address: str | Path, uri: str | None = None, directory: str | Path = STORE
) -> "Predictor":
    """Load a run directory, a predictor folder, a fold's checkpoint or an MLflow address.

    Args:
        address: a path, or `runs:/ID`, `models:/NAME/VERSION`, `models:/NAME@ALIAS`.
        uri: of the MLflow store; None for the embedded one.
        directory: of the embedded store.

    Raises:
        UserError: where it is none of these.
    """
    from imbclf.prediction.predictor import Predictor

    path = Path(address)
    if path.is_file():
        return Predictor.from_checkpoint(path)
    folder = predictor_folder(str(address), uri, directory)
    if folder is None:
        raise UserError(
            f"run={address}: expected a run directory of imbclf-train, a fold's checkpoint "
            "(fold_0/best.ckpt), or an MLflow address (runs:/ID, models:/NAME@ALIAS)"
        )
    if (path / "config.yaml").exists() and not (path / "summary.json").exists():
        log.warning("%s: this run is not finished; only its finished folds decide", path)
    return Predictor.load(folder)


def peek_manifest(addresses: Sequence[str]) -> "Manifest | None":
    """Return what is written about a predictor on this machine, without loading it.

    None where it is elsewhere, or damaged: loading it will say so.
    """
    from imbclf.prediction.manifest import Manifest, find_predictor

    folder = find_predictor(Path(addresses[0]))
    try:
        return None if folder is None else Manifest.load(folder)
    except UserError:
        return None


def predictor_folder(
    address: str, uri: str | None = None, directory: str | Path = STORE
) -> Path | None:
    """Return the folder of a predictor, fetched where MLflow has it; None where there is none.

    Raises:
        UserError: MLflow has none at that address.
    """
    from imbclf.prediction.manifest import find_predictor

    if address.startswith(("runs:/", "models:/")):
        from imbclf.tracking.mlflow_models import download_predictor

        return download_predictor(address, uri, Path(directory))
    return find_predictor(Path(address))
