"""How a study is made: its name and budget, what draws and what prunes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from imbclf.errors import UserError

Metric = Literal["auroc", "hter", "average_precision_minority"]
Sampler = Literal["tpe", "random"]
Pruner = Literal["halving", "median", "none"]


@dataclass(frozen=True)
class TuneOptions:
    """The options `tune.*`.

    Args:
        name: of the study.
        directory: where studies lie.
        trials: finished and pruned ones of the whole study, over all calls and processes; None: no
            limit.
        hours: of this call; None: no limit.
        folds: on whose dev parts a trial is judged, one after the other.
        metric: the mean over these dev parts.
        sampler: what draws.
        startup: trials drawn at random before `tpe` begins.
        pruner: what ends trials that promise little.
        patience: epochs before a trial may be pruned.
        storage: an address that SQLAlchemy takes, or None: a journal file in the study's folder.

    Raises:
        UserError: where a value is out of range.

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
            if value is not None and value < 1:
                raise UserError(f"tune.{option}={value}: expected 1 or more")
        if self.hours is not None and not self.hours > 0:
            raise UserError(f"tune.hours={self.hours}: expected more than 0")
        for option, known in (("metric", Metric), ("sampler", Sampler), ("pruner", Pruner)):
            if getattr(self, option) not in get_args(known):
                raise UserError(
                    f"tune.{option}={getattr(self, option)}: expected one of "
                    f"{', '.join(get_args(known))}"
                )

    @property
    def folder(self) -> Path:
        """Return the study's folder."""
        return Path(self.directory) / self.name

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Return whether more of the metric is better."""
        return "minimize" if self.metric == "hter" else "maximize"
