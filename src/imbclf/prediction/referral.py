"""Referral: which images are referred to a person, and what is known of the others."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from imbclf.prediction.labeling_rule import threshold_within

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95


@dataclass(frozen=True)
class Referral:
    """Two thresholds between which a person is asked; JSON-able by `to_json`.

    Attributes:
        option: `refer` or `max_error`.
        value: its value.
        low: label 0 is decided where the score is below this.
        high: label 1 is decided where the score is at least this.
        referred: share of images between the two, out of fold.
        referred_of: the same of label 0 and of label 1.
        far, frr: of the images that are decided, out of fold; None where no image of the label is.
        hter: half total error rate of these.
        hter_interval: its 95 % interval.
        plain_hter: if all images were decided, at the threshold 0.
    """

    option: str
    value: float
    low: float
    high: float
    referred: float
    referred_of: tuple[float, float]
    far: float | None
    frr: float | None
    hter: float | None
    hter_interval: tuple[float, float] | None
    plain_hter: float

    @property
    def threshold(self) -> float:
        """The score from which label 1 is decided where nobody is asked, within the two."""
        return threshold_within(self.band)

    @property
    def band(self) -> tuple[float, float]:
        """The scores from which and up to which a person is asked."""
        return self.low, self.high

    def to_json(self) -> dict[str, Any]:
        """Return its values by name."""
        return asdict(self)

    def __str__(self) -> str:
        """Return the two thresholds, how many images lie between, and what that buys."""
        zero, one = self.referred_of
        told = (
            f"{self.low:.4g} <= score < {self.high:.4g} ({self.option}={self.value:g}): out of "
            f"fold (cross-fitted) {self.referred:.1%} of images, {zero:.1%} of label 0 and "
            f"{one:.1%} of label 1"
        )
        if self.hter is not None and self.hter_interval is not None:
            low, high = self.hter_interval
            told += (
                f"; HTER of the others {self.hter:.4f}, 95 % interval {low:.4f} to {high:.4f}, "
                f"instead of {self.plain_hter:.4f} of all"
            )
        if self.option == "refer":
            return told
        return (
            f"{told}. On new images at most {self.value:g} of each label are decided wrongly, on "
            "average over training sets"
        )


def choose_referral(option: str, value: float, oof: "Mapping[str, ArrayLike]") -> Referral:
    """Choose the scores that are referred to a person, on images that no model was trained on.

    `refer` takes the share of images nearest to the threshold 0, in both directions. `max_error`
    takes the thresholds of `conformal_thresholds`, which keep the wrong decisions of each label to
    a share on new images. Both hold for scores of single fold models; those of an ensemble of
    several are less noisy. 40 runs of 5 folds (120 of 1,000 images positive) on 20,000 new images:
    share referred by refer=.1, and of max_error=.05 the shares decided wrongly, and that referred:

    ======== ======== ============== ============== ========
    learner  refer=.1 wrong, label 0 wrong, label 1 referred
    ======== ======== ============== ============== ========
    logistic .096     .044           .045           .234
    random   .095     .031           .030           .343
    ======== ======== ============== ============== ========

    Args:
        option: `refer` or `max_error`.
        value: a share, between 0 and 1.
        oof: `score` and `label` `[N]`, and `group` where images depend on each other.

    Raises:
        UserError: the value is out of range, or there are too few images for it.

    >>> oof = {"score": [-3.0, 0.1, -2.5, -0.2, 2.0, 4.0], "label": [0, 0, 0, 1, 1, 1]}
    >>> found = choose_referral("refer", 0.33, oof)
    >>> found.band, round(found.plain_hter, 2), found.hter
    ((-1.1, 1.1), 0.33, 0.0)
    """
    import numpy as np

    from imbclf.metrics.conformal import conformal_thresholds
    from imbclf.metrics.error_rates import error_rates
    from imbclf.metrics.risk_coverage import doubtful_width
    from imbclf.utils.arrays import check_both_classes

    scores, labels = check_both_classes(oof["score"], oof["label"])
    groups = None if oof.get("group") is None else np.asarray(oof["group"])
    if option == "max_error":
        low, high = conformal_thresholds(scores, labels, value, groups)
    else:
        high = doubtful_width(scores, value)
        low = -high
    between = (scores >= low) & (scores < high)
    decisions = (scores >= high).astype(np.int64)
    return Referral(
        option,
        float(value),
        low,
        high,
        float(between.mean()),
        (float(between[labels == 0].mean()), float(between[labels == 1].mean())),
        *_errors(decisions, labels, groups, ~between),
        sum(error_rates((scores >= 0).astype(np.int64), labels)) / 2,
    )


def _errors(
    decisions: "NDArray[np.int64]",
    labels: "NDArray[np.int64]",
    groups: "NDArray[np.generic] | None",
    decided: "NDArray[np.bool_]",
) -> tuple[float | None, float | None, float | None, tuple[float, float] | None]:
    """Return FAR, FRR, HTER and its interval of the decided images; None where there are none."""
    from imbclf.metrics.clustered_intervals import clustered_hter_interval
    from imbclf.metrics.error_rates import error_rates
    from imbclf.metrics.intervals import hter_interval

    own, truth = decisions[decided], labels[decided]
    zero, one = int((truth == 0).sum()), int((truth == 1).sum())
    if not zero or not one:
        wrong = float((own != truth).mean()) if len(own) else None
        return (wrong if zero else None), (wrong if one else None), None, None
    far, frr = error_rates(own, truth)
    if groups is None:
        interval = hter_interval(far, frr, zero, one, LEVEL)
    else:
        interval = clustered_hter_interval(own, truth, groups[decided], LEVEL)
    return far, frr, (far + frr) / 2, interval
