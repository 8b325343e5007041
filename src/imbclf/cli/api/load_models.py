"""`imbclf.load` and `imbclf.load_run`: what a training left, as objects."""

from os import PathLike
from pathlib import Path

from imbclf.cli.config.home_paths import with_home
from imbclf.evaluation.operating_scores import with_oof
from imbclf.prediction.predictor import Predictor
from imbclf.reporting.run import Run
from imbclf.tracking.addresses import STORE, load_ensemble


def load(
    *addresses: str | PathLike[str],
    uri: str | None = None,
    directory: str | PathLike[str] = STORE,
) -> Predictor:
    """Load a predictor, or several as one ensemble.

    Args:
        addresses: run directories, predictor folders, checkpoints of a fold, or addresses of
            MLflow: `runs:/ID`, `models:/NAME/VERSION`, `models:/NAME@ALIAS`.
        uri: of the MLflow store; None is the embedded one.
        directory: of the embedded store.

    Raises:
        UserError: there is no predictor at an address, or they do not go together.

    >>> import imbclf
    >>> imbclf.load("outputs/no_such_run")
    Traceback (most recent call last):
    imbclf.errors.UserError: run=outputs/no_such_run: expected a run directory of imbclf-train, \
a fold's checkpoint (fold_0/best.ckpt), or an MLflow address (runs:/ID, models:/NAME@ALIAS)
    """
    predictor = load_ensemble([with_home(one) for one in addresses], uri, with_home(directory))
    return predictor if len(addresses) > 1 else with_oof(predictor, Path(with_home(addresses[0])))


def load_run(path: str | PathLike[str]) -> Run:
    """Return a finished run directory as an object.

    Raises:
        UserError: it is none.
    """
    return Run(Path(path).expanduser())
