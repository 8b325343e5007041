"""`trainer.time_limit`: how many epochs each fold is trained, so that all folds end in time."""

import logging
import re
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from imbclf.errors import UserError
from imbclf.training.pace import Workload, about
from imbclf.utils.safe_reading import read_json, readable
from imbclf.utils.schema import count, field, number
from imbclf.utils.tables import write_json

log = logging.getLogger("imbclf")
PLAN = "plan.json"  # in a run directory
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Kept for figures and report, and for steps that are slower than the first ones.
RESERVED_SECONDS, RESERVED_SHARE = 10.0, 0.1


def parse_time_limit(value: object) -> float | None:
    """Return a time limit in seconds, None for none.

    Raises:
        UserError: it is no duration.

    >>> [parse_time_limit(one) for one in ("90s", "10m", "1h30m", 45, None)]
    [90.0, 600.0, 5400.0, 45.0, None]
    """
    if value is None:
        return None
    text = str(value).replace(" ", "")
    if re.fullmatch(r"\d+(\.\d+)?", text):
        text += "s"
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    seconds = sum(float(amount) * UNITS[unit] for amount, unit in parts)
    if isinstance(value, bool) or "".join(map("".join, parts)) != text or seconds <= 0:
        raise UserError(f"trainer.time_limit={value}: expected a time, such as 90s, 10m or 1h30m")
    return seconds


@dataclass(frozen=True)
class Deadline:
    """When the results of a run are due.

    Attributes:
        limit: seconds, as the user asked.
        due: on the clock of `time.monotonic`.
    """

    limit: float
    due: float

    @classmethod
    def after(cls, seconds: float | None) -> "Deadline | None":
        """Return the deadline that many seconds from now; None for none."""
        return None if seconds is None else cls(seconds, time.monotonic() + seconds)

    @property
    def seconds_left(self) -> float:
        """Return the time until then; negative afterwards."""
        return self.due - time.monotonic()


@dataclass(frozen=True)
class Plan:
    """How many epochs each fold of a run is trained.

    Attributes:
        time_limit: seconds.
        asked: `trainer.max_epochs`.
        epochs: of each fold, as many as fit, at most those asked for.
        epoch_seconds: of one epoch, as measured.
    """

    time_limit: float
    asked: int
    epochs: int
    epoch_seconds: float


def epochs_in_time(
    seconds: float, asked: int, folds: int, epoch_seconds: float, fold_seconds: float
) -> int:
    """Return how many epochs each of some folds can be trained within a time, 0 if none.

    folds * (epochs * epoch_seconds + fold_seconds) <= seconds.

    Args:
        seconds: that there are.
        asked: the most epochs.
        folds: that are trained, each for as many epochs.
        epoch_seconds: of an epoch, with its scoring of dev.
        fold_seconds: of a fold beside its epochs.

    >>> epochs_in_time(600, asked=40, folds=5, epoch_seconds=20, fold_seconds=10)
    5
    """
    return max(0, min(asked, int((seconds / folds - fold_seconds) / epoch_seconds)))


def make_plan(
    deadline: Deadline, work: Workload, folds: int, step_seconds: float, setup_seconds: float
) -> Plan:
    """Plan the epochs of all folds from the time of the first steps.

    Args:
        deadline: of the run.
        work: of a fold, with the epochs asked for.
        folds: to train.
        step_seconds: of a training step.
        setup_seconds: of a fold, before its first step.

    Raises:
        UserError: there is no time for one epoch of each fold.
    """
    left = deadline.seconds_left
    usable = left - RESERVED_SECONDS - RESERVED_SHARE * deadline.limit
    each = work.epoch_seconds(step_seconds)
    beside = setup_seconds + work.scoring_seconds(step_seconds)
    epochs = epochs_in_time(usable, work.epochs, folds, each, beside)
    if epochs == 0:
        needed = folds * (each + beside) + RESERVED_SECONDS + (deadline.limit - left)
        raise UserError(
            f"trainer.time_limit={about(deadline.limit)}: one epoch of {folds} folds takes "
            f"{about(needed / (1 - RESERVED_SHARE))} in all ({step_seconds:.2f} s per step). Allow "
            "that, or make an epoch shorter: smaller images (data.image_size), a smaller model, "
            "fewer batches (trainer.limit_train_batches) or fewer folds (cv.folds)"
        )
    return Plan(deadline.limit, work.epochs, epochs, each)


def describe_plan(plan: Plan, folds: int) -> str:
    """Return a plan in one line.

    >>> describe_plan(Plan(600, asked=40, epochs=5, epoch_seconds=20.4), folds=5)
    'plan     5 of 40 epochs for each of 5 folds: 20 s per epoch, 10 min in all'
    """
    of = "all" if plan.epochs == plan.asked else f"{plan.epochs} of"
    return (
        f"plan     {of} {plan.asked} epochs for each of {folds} folds: "
        f"{about(plan.epoch_seconds)} per epoch, {about(plan.time_limit)} in all"
    )


def write_plan(run: Path, plan: Plan) -> None:
    """Write the plan that a resumed run follows, too."""
    write_json(run / PLAN, asdict(plan))


def read_plan(run: Path) -> Plan | None:
    """Read the plan of a run; None where there is none.

    Raises:
        UserError: it is damaged.
    """
    path = run / PLAN
    if not path.exists():
        return None
    with readable(path, "the plan of a run with trainer.time_limit"):
        stored = read_json(path)
        return Plan(
            field(stored, "time_limit", number),
            field(stored, "asked", count),
            field(stored, "epochs", count),
            field(stored, "epoch_seconds", number),
        )
