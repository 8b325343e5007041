"""The protocol: how images are divided into folds, and what is chosen on dev."""

from collections.abc import Sequence
from dataclasses import dataclass

from imbclf.augment.tta import Tta, check_tta
from imbclf.errors import UserError
from imbclf.metrics.thresholds import Method
from imbclf.training.checkpoint_callback import Select
from imbclf.utils.checks import check_choice, check_range


@dataclass(frozen=True)
class CrossValidation:
    """The options `cv.*`: how the data is split and what is chosen on dev.

    Args:
        folds: K, at least 2; images that are numbered by folds have as many as there are numbers.
        fold: train only this one, 0 to R K - 1; None trains all.
        fit_share: share of each fold's fit part that it is trained on (`take_fit_share`), above 0
            and at most 1, for a learning curve; None is all of it.
        repeats: R, how many times the images are divided, each time with the next seed.
        dev_fraction: share of the whole data set in the dev part of each fold.
        select: the metric on dev by which the epoch is chosen.
        threshold: how the decision threshold is chosen on dev.
        tta: test-time augmentation of dev and test images and, by default, of new ones.
        start_from: run directory with the same splits; each fold's backbone starts from the
            weights of the same fold of that run, with a new head.

    Raises:
        UserError: a value is out of range.
    """

    folds: int = 5
    fold: int | None = None
    dev_fraction: float = 0.1
    select: Select = "auroc"
    threshold: Method = "smoothed"
    tta: Tta = "none"
    start_from: str | None = None
    repeats: int = 1
    fit_share: float | None = None

    def __post_init__(self) -> None:
        check_range("cv.repeats", self.repeats, at_least=1)
        if self.fit_share is not None:
            check_range("cv.fit_share", self.fit_share, above=0, at_most=1, what="a share")
        if self.fold is not None and not 0 <= self.fold < self.models:
            raise UserError(
                f"cv.fold={self.fold}: expected 0 to {self.models - 1}, or null for all; "
                f"cv.folds={self.folds} says how many there are"
            )
        check_choice("cv.select", self.select, ("hter", "auroc", "loss", "last"))
        check_choice("cv.threshold", self.threshold, ("min_hter", "smoothed", "bayes"))
        check_tta("cv.tta", self.tta)

    @property
    def models(self) -> int:
        """Return the number of folds in all repeats, R K."""
        return self.folds * self.repeats

    @property
    def trained(self) -> Sequence[int]:
        """Return the numbers of the folds to train; fold k of repeat r is number r K + k."""
        return range(self.models) if self.fold is None else [self.fold]
