"""How long the rest of an experiment takes, and what to call the fold that is trained."""

from dataclasses import dataclass

FORWARD = 1 / 3  # of a training step: scoring has no backward pass, about twice as long


@dataclass(frozen=True)
class Place:
    """Where a fold stands among those that one process trains, one after the other.

    Attributes:
        label: what the fold is called: `fold 2`, or `trial 7, fold 2`.
        folds: how many there are.
        number: which of them this is, from 1.
    """

    label: str
    folds: int = 1
    number: int = 1

    @property
    def title(self) -> str:
        """Return the label and how many folds there are.

        >>> Place("fold 2", folds=5, number=3).title, Place("fold 2").title
        ('fold 2 (3 of 5)', 'fold 2')
        """
        return self.label if self.folds == 1 else f"{self.label} ({self.number} of {self.folds})"


@dataclass(frozen=True)
class Workload:
    """How much work one fold is.

    Attributes:
        epochs: to train.
        steps: of an epoch.
        batch_size: images of a step, on all devices.
        dev: images that are scored after each epoch.
        test: images that are scored, with dev, after the last.
    """

    epochs: int
    steps: int
    batch_size: int
    dev: int
    test: int

    def epoch_seconds(self, step_seconds: float) -> float:
        """Return the time of an epoch, from that of a training step.

        >>> Workload(epochs=4, steps=10, batch_size=32, dev=96, test=192).epoch_seconds(0.5)
        5.5
        """
        return step_seconds * (self.steps + FORWARD * self.dev / self.batch_size)

    def scoring_seconds(self, step_seconds: float) -> float:
        """Return the time of scoring dev and test with the chosen epoch.

        >>> Workload(epochs=4, steps=10, batch_size=32, dev=96, test=192).scoring_seconds(0.5)
        1.5
        """
        return step_seconds * FORWARD * (self.dev + self.test) / self.batch_size

    def seconds_left(self, epoch_seconds: float, epochs_done: int, folds: int) -> float:
        """Return the time of what is left of this fold and of the folds after it.

        Args:
            epoch_seconds: of one epoch, with its scoring of dev.
            epochs_done: of this fold.
            folds: this one and those after it.

        >>> work = Workload(epochs=4, steps=10, batch_size=32, dev=96, test=192)
        >>> work.seconds_left(5.5, epochs_done=4, folds=1), work.seconds_left(5.5, 4, folds=2)
        (1.5, 25.0)
        """
        whole = self.epoch_seconds(1.0)
        scoring = epoch_seconds / whole * self.scoring_seconds(1.0) if whole else 0.0
        return (folds * self.epochs - epochs_done) * epoch_seconds + folds * scoring


def about(seconds: float) -> str:
    """Return a duration as one would say it.

    >>> about(8.2), about(95), about(2100), about(8000)
    ('8 s', '2 min', '35 min', '2 h 13 min')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
