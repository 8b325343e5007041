"""Operating points: a threshold, what it was chosen for, and what new images can be expected to do.

What it can be chosen for is in `imbclf.prediction.aims`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from imbclf.prediction.aim_thresholds import bounded_threshold, plain_threshold
from imbclf.prediction.aims import WORDS, aimed_rate, check_aim
from imbclf.utils.checks import check_range

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold that was chosen for an aim; JSON-able by `to_json`.

    Attributes:
        aim: the name of the option.
        value: its value.
        threshold: label 1 is decided where the score is at least this.
        confidence: that the aim is met on new images; None: it is met on the images at hand.
        positive: the label that the aim calls positive.
        share: of label 1 that precision and alarms are for.
        far, frr: at this threshold, on out-of-fold scores.
        rate: what the aim is about, on out-of-fold scores.
        plain_far, plain_frr: at the threshold that meets the aim on out-of-fold scores, no more.
    """

    aim: str
    value: float
    threshold: float
    confidence: float | None
    positive: int
    share: float
    far: float
    frr: float
    rate: float
    plain_far: float
    plain_frr: float

    def to_json(self) -> dict[str, Any]:
        """Return its values by name."""
        return asdict(self)

    def __str__(self) -> str:
        """Return the threshold, the rate out of fold, the bound and what the bound costs."""
        most = "at most" if self.aim.startswith("max") else "at least"
        now, plain = self.rates, self._rates_of(self.plain_far, self.plain_frr)
        rates = ", ".join(f"{name} {value:.4f}" for name, value in now.items())
        told = (
            f"{self.threshold:.4f}: out of fold (cross-fitted) {rates} ({self.aim}={self.value:g})"
        )
        if self.confidence is None:
            return told if self.aim == "cost_ratio" else f"{told}; new images may not keep to it"
        price = max(now, key=lambda name: abs(now[name] - plain[name]) * (name != self._aimed_at))
        rate = "" if self._aimed_at in now else f" {self.rate:.4g} out of fold,"
        return (
            f"{told}; {WORDS[self.aim]}{rate} {most} {self.value:g} on new images with confidence "
            f"{self.confidence:g}, for which {price} is {now[price]:.4f} instead of "
            f"{plain[price]:.4f}"
        )

    @property
    def _aimed_at(self) -> str:
        return WORDS.get(self.aim, "")

    @property
    def rates(self) -> dict[str, float]:
        """The rates out of fold in the words of the aim: FAR and FRR, or those of medicine."""
        return self._rates_of(self.far, self.frr)

    def _rates_of(self, far: float, frr: float) -> dict[str, float]:
        if self.aim in ("max_far", "max_frr", "cost_ratio"):
            return {"FAR": far, "FRR": frr}
        misses, alarms = (frr, far) if self.positive == 1 else (far, frr)
        return {"sensitivity": 1 - misses, "specificity": 1 - alarms}


def choose_operating_point(
    aim: str,
    value: float,
    oof: "Mapping[str, ArrayLike]",
    confidence: float | None,
    prior: float | None = None,
) -> OperatingPoint:
    """Choose a threshold for an aim on scores of images that no model behind them was trained on.

    With a confidence the rate of new images keeps to the aim with that probability, over the draw
    of the images at hand (`imbclf.metrics.lowest_threshold`). The scores are those of single fold
    models; an ensemble of several errs less at the same threshold, except where a class is wrong
    more often than right. Shares of 40 runs of 5 folds (120 of 1,000 images positive) whose
    ensemble did not keep to its aim on 30,000 new images, with confidence .95 / without one:

    ======== ============ =========== ================= =======================
    learner  max_far=.05  max_frr=.1  min_precision=.5  max_alarms_per_1000=100
    ======== ============ =========== ================= =======================
    logistic .025 / .200  .000 / .450 .000 / .175       .000 / .325
    random   .000 / .000  .000 / .150 .000 / .000       .000 / .075
    network  .000 / .050  .000 / .275 .000 / .000       .000 / .150
    trees    .000 / .050  .000 / .400 .000 / .050       .000 / .300
    ======== ============ =========== ================= =======================

    Args:
        aim: the name of an option.
        value: its value.
        oof: `score` and `label` `[N]`, and `group` where images depend on each other.
        confidence: between 0 and 1, or None.
        prior: share of label 1 for precision and alarms; None is that of `oof`.

    Raises:
        UserError: a value is out of range, or no threshold meets the aim with so few images.

    >>> oof = {"score": [0.0, 1.0, 2.0, 3.0, 4.0], "label": [0, 0, 0, 1, 1]}
    >>> choose_operating_point("max_far", 0.0, oof, None).threshold
    2.5
    >>> choose_operating_point("max_far", 0.1, oof, 0.9)
    Traceback (most recent call last):
    imbclf.errors.UserError: max_far=0.1: with confidence 0.9 this takes at least 22 images of \
label 0, there are 3: enough for max_far=0.536, with 0.0% of the other label decided wrongly; ask \
for less, or confidence=null for the threshold that meets it on these images alone
    """
    from imbclf.metrics.error_rates import decide, error_rates
    from imbclf.utils.arrays import check_both_classes, minority_label

    check_aim(aim, value)
    if confidence is not None:
        check_range("confidence", confidence, above=0, below=1, what="a share")
    scores, labels = check_both_classes(oof["score"], oof["label"])
    share = float(labels.mean()) if prior is None else prior
    check_range("prior", share, above=0, below=1, what="a share")
    positive = 1 if aim in ("max_far", "max_frr", "cost_ratio") else minority_label(labels)
    plain = threshold = plain_threshold(aim, value, scores, labels, positive, share)
    if aim == "cost_ratio":
        confidence = None
    if confidence is not None:
        images = scores, labels, oof.get("group")
        threshold = bounded_threshold(aim, value, *images, confidence, positive, share)
    far, frr = error_rates(decide(scores, threshold), labels)
    return OperatingPoint(
        aim,
        float(value),
        threshold,
        confidence,
        positive,
        share,
        far,
        frr,
        value if aim == "cost_ratio" else aimed_rate(aim, far, frr, positive, share),
        *error_rates(decide(scores, plain), labels),
    )
