"""How images are divided into folds, and what is chosen on the dev parts."""

from collections.abc import Sequence
from dataclasses import dataclass

from imbclf.augment.tta import Tta, check_tta
from imbclf.errors import UserError
from imbclf.metrics.thresholds import Method
from imbclf.training.checkpoint_callback import Select


@dataclass(frozen=True)
class CrossValidation:
    """How the data is split and what is chosen on the dev parts.

    Args:
        folds: K, at least 2.
        fold: train only this one, 0 to R K - 1; None trains all.
        repeats: R, how many times the images are divided, each time by the next seed.
        dev_fraction: share of the whole data set that each fold sets aside to choose on.
        select: by what on dev the epoch is chosen.
        threshold: how the decision threshold is chosen on dev.
        tta: how dev and test images are viewed once the epoch is chosen, and new ones by default.
        start_from: run directory with the same splits; each fold's backbone starts from what the
            same fold of that run came to, with a new head.

    Raises:
        UserError: where a value is out of range.
    """

    folds: int = 5
    fold: int | None = None
    dev_fraction: float = 0.1
    select: Select = "auroc"
    threshold: Method = "smoothed"
    tta: Tta = "none"
    start_from: str | None = None
    repeats: int = 1

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise UserError(f"cv.repeats={self.repeats}: expected 1 or more")
        if self.fold is not None and not 0 <= self.fold < self.models:
            raise UserError(
                f"cv.fold={self.fold}: expected 0 to {self.models - 1}, or null for all"
            )
        for name, value, known in (
            ("select", self.select, ("hter", "auroc", "loss", "last")),
            ("threshold", self.threshold, ("min_hter", "smoothed", "bayes")),
        ):
            if value not in known:
                raise UserError(f"cv.{name}={value}: expected one of {', '.join(known)}")
        check_tta("cv.tta", self.tta)

    @property
    def models(self) -> int:
        """Return the number of folds in all repeats, R K."""
        return self.folds * self.repeats

    @property
    def trained(self) -> Sequence[int]:
        """Return the numbers of the folds to train; fold k of repeat r is number r K + k."""
        return range(self.models) if self.fold is None else [self.fold]
