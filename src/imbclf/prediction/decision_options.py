"""How the scores of a predictor become labels and probabilities."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Literal

from imbclf.errors import UserError
from imbclf.prediction.labeling_rule import Decide, check_decide

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from imbclf.augment.tta import Tta
    from imbclf.prediction.operating_point import OperatingPoint
    from imbclf.prediction.referral import Referral

REFERRALS = ("refer", "max_error")
AIMS = (
    "max_far",
    "max_frr",
    "min_sensitivity",
    "min_specificity",
    "min_precision",
    "max_alarms_per_1000",
    "cost_ratio",
    *REFERRALS,
)


def given_or_usual(options: object) -> "DecisionOptions":
    """Return the options of a call, those that decide as the ensemble does for None.

    Raises:
        UserError: they are something else, a dictionary, say.

    >>> given_or_usual({"min_sensitivity": 0.9})
    Traceback (most recent call last):
    imbclf.errors.UserError: options: expected imbclf.prediction.DecisionOptions(...), found dict
    """
    if options is None:
        return DecisionOptions()
    if not isinstance(options, DecisionOptions):
        raise UserError(
            "options: expected imbclf.prediction.DecisionOptions(...), found "
            f"{type(options).__name__}"
        )
    return options


@dataclass(frozen=True)
class DecisionOptions:
    """Views, calibration and threshold that images are decided with.

    At most one of `threshold` and the aims is given: each moves the threshold. `refer` and
    `max_error` choose two thresholds, between which a person is asked (`choose_referral`).

    Args:
        tta: views of an image that are averaged; None as when the thresholds were chosen.
        calibration: of the probabilities; labels do not depend on it.
        prior: share of label 1 that probabilities, precision and alarms are for; None is that of
            the training.
        threshold: label 1 is decided where the score is at least this; None is 0, the least HTER.
        max_far: take the threshold whose FAR is at most this.
        max_frr: the same for FRR.
        min_sensitivity: take the threshold that finds at least this share of the rarer label.
        min_specificity: the one that lets alone at least this share of the other label.
        min_precision: the one where at least this share of images called the rarer label has it.
        max_alarms_per_1000: the one that calls at most so many of 1,000 images the rarer label.
        cost_ratio: take the best threshold where FAR is this many times as bad as FRR.
        refer: refer this share of images to a person, those nearest to the threshold.
        max_error: refer to a person what cannot be decided with at most this share of wrong
            decisions of each label (`conformal_thresholds`).
        confidence: that the aim is met on new images (`choose_operating_point`); None is content
            with out-of-fold scores; new images then often do not keep to it. No matter for `refer`
            and `max_error`.
        decide: `hter` labels by the threshold of the scores, `probability` by the more probable
            label, for which there is no threshold to give.

    Raises:
        UserError: an option is no number, or two contradict each other.

    >>> DecisionOptions(max_far=0.1, max_frr=0.1)
    Traceback (most recent call last):
    imbclf.errors.UserError: max_far and max_frr: expected one of them, each moves the threshold
    """

    tta: "Tta | None" = None
    calibration: Literal["platt", "temperature"] = "platt"
    prior: float | None = None
    threshold: float | None = None
    max_far: float | None = None
    max_frr: float | None = None
    min_sensitivity: float | None = None
    min_specificity: float | None = None
    min_precision: float | None = None
    max_alarms_per_1000: float | None = None
    cost_ratio: float | None = None
    refer: float | None = None
    max_error: float | None = None
    confidence: float | None = 0.95
    decide: Decide = "hter"

    def __post_init__(self) -> None:
        for name in ("prior", "threshold", "confidence", *AIMS):
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if value is not None and (not is_number or isnan(value)):
                raise UserError(f"{name}={value}: expected a number, or null")
        given = [name for name in ("threshold", *AIMS) if getattr(self, name) is not None]
        if len(given) > 1:
            raise UserError(
                f"{' and '.join(given)}: expected one of them, each moves the threshold"
            )
        check_decide(self.decide)
        if given and self.decide == "probability":
            raise UserError(
                f"decide=probability and {given[0]}={getattr(self, given[0])}: expected one of "
                "them; the more probable label is decided without a threshold of the scores"
            )

    @property
    def aim(self) -> tuple[str, float] | None:
        """Name and value of the aim that decides the threshold, None where there is none."""
        given = [(name, getattr(self, name)) for name in AIMS if getattr(self, name) is not None]
        return given[0] if given else None

    def operating_point(
        self, oof: "Mapping[str, ArrayLike] | None"
    ) -> "OperatingPoint | Referral | None":
        """Return what an aim asks for, and what it was chosen by; None without one.

        Args:
            oof: `score` and `label` `[N]` of out-of-fold images, and `group` where they depend on
                each other; None where there are none.

        Raises:
            UserError: an aim is out of range, cannot be met, or needs out-of-fold scores and there
                are none.
        """
        if self.aim is None:
            return None
        name, value = self.aim
        if oof is None:
            raise UserError(
                f"{name}={value}: needs the out-of-fold scores of a run directory (with oof.csv)"
                + ("" if name in REFERRALS else ". Give threshold=... instead")
            )
        # Here, so that a command starts without scipy.
        from imbclf.prediction.operating_point import choose_operating_point
        from imbclf.prediction.referral import choose_referral

        if name in REFERRALS:
            return choose_referral(name, float(value), oof)
        return choose_operating_point(name, float(value), oof, self.confidence, self.prior)

    def threshold_on(self, oof: "Mapping[str, ArrayLike] | None") -> float:
        """Return the score from which label 1 is decided; arguments as `operating_point`.

        >>> DecisionOptions().threshold_on(None)
        0.0
        >>> oof = {"score": [0.0, 1.0, 2.0, 3.0], "label": [0, 0, 1, 1]}
        >>> DecisionOptions(max_far=0.0, confidence=None).threshold_on(oof)
        1.5
        """
        return self.threshold_at(self.operating_point(oof))

    def threshold_at(self, point: "OperatingPoint | Referral | None") -> float:
        """Return the threshold of an operating point, or the one given where there is none.

        >>> DecisionOptions(threshold=0.5).threshold_at(None), DecisionOptions().threshold_at(None)
        (0.5, 0.0)
        """
        if point is not None:
            return point.threshold
        return 0.0 if self.threshold is None else float(self.threshold)
