"""The options of a study."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from imbclf.errors import UserError
from imbclf.utils.checks import check_choice, check_range

Metric = Literal["auroc", "hter", "average_precision_minority"]
Sampler = Literal["tpe", "random"]
Pruner = Literal["halving", "median", "none"]


@dataclass(frozen=True)
class TuneOptions:
    """The options `tune.*`.

    Args:
        name: of the study.
        directory: of the studies.
        trials: number of completed and pruned trials of the study, over all calls and processes;
            None for no limit.
        hours: of this call; None for no limit.
        folds: number of folds on whose dev parts a trial is evaluated.
        metric: what is optimized, the mean over these dev parts.
        sampler: `tpe` or `random`.
        startup: number of random trials before `tpe` begins.
        pruner: `halving`, `median` or `none`.
        patience: epochs before a trial may be pruned.
        storage: a database URL of SQLAlchemy; None for a journal file in the study's folder.

    Raises:
        UserError: a value is out of range.

    >>> TuneOptions("faces", metric="auroc").direction
    'maximize'
    """

    name: str
    directory: str = "outputs/tune"
    trials: int | None = 20
    hours: float | None = None
    folds: int = 1
    metric: Metric = "auroc"
    sampler: Sampler = "tpe"
    startup: int = 8
    pruner: Pruner = "halving"
    patience: int = 1
    storage: str | None = None

    def __post_init__(self) -> None:
        if not self.name or Path(self.name).name != self.name or self.name == "..":
            raise UserError(f"tune.name={self.name}: expected the name of a folder, without /")
        if self.trials is None and self.hours is None:
            raise UserError("tune.trials and tune.hours: expected one of them, or it never ends")
        for option in ("trials", "folds", "startup", "patience"):
            value = getattr(self, option)
            if value is not None:
                check_range(f"tune.{option}", value, at_least=1)
        if self.hours is not None and not self.hours > 0:
            raise UserError(f"tune.hours={self.hours}: expected more than 0")
        for option, known in (("metric", Metric), ("sampler", Sampler), ("pruner", Pruner)):
            check_choice(f"tune.{option}", getattr(self, option), get_args(known))

    @property
    def folder(self) -> Path:
        """Return the study's folder."""
        return Path(self.directory) / self.name

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Return the direction in which the metric is optimized."""
        return "minimize" if self.metric == "hter" else "maximize"
