"""How scores or probabilities become labels, and the one sentence that says so."""

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.utils.text import probability_text

Decide = Literal["hter", "probability"]
HALF = 0.5
REFER, REFERRED = "refer", -1  # in the place of a label where a person is asked, and as a number


def check_decide(name: object) -> Decide:
    """Return the name of a rule.

    Raises:
        UserError: there is no such rule; names those that there are.
    """
    if name not in get_args(Decide):
        raise UserError(f"decide={name}: expected {' or '.join(get_args(Decide))}")
    return cast(Decide, name)


def decision_margins(
    scores: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    decide: Decide = "hter",
    threshold: float = 0.0,
) -> NDArray[np.float64]:
    """Return by how much each image is label 1, float64 `[N]`: it is where this is at least 0.

    The nearer to 0, the more doubtful is the decision.

    Args:
        scores: `[N]`, mean over the fold models of logit - threshold.
        probabilities: `[N]`, P(label 1).
        decide: `hter` compares scores with `threshold`, `probability` probabilities with .5.
        threshold: of the scores.

    >>> decision_margins(np.array([0.2]), np.array([0.4])).tolist()
    [0.2]
    >>> decision_margins(np.array([0.2]), np.array([0.4]), "probability").round(3).tolist()
    [-0.1]
    """
    if decide == "probability":
        return probabilities - HALF
    # A threshold beyond all scores may be infinite; just beyond them, it decides the same.
    low, high = (scores.min() - 1, scores.max() + 1) if len(scores) else (threshold, threshold)
    return np.asarray(scores - np.clip(threshold, low, high), np.float64)


def check_band(band: tuple[float, float], decide: Decide, label_names: tuple[str, str]) -> None:
    """Raise a UserError if a person cannot be asked where low <= score < high.

    >>> check_band((1.0, -1.0), "hter", ("good", "bad"))
    Traceback (most recent call last):
    imbclf.errors.UserError: refer from 1.0 to -1.0: expected two scores, the lower one first
    """
    low, high = band
    if not low <= high:  # NaN, too
        raise UserError(f"refer from {low} to {high}: expected two scores, the lower one first")
    if decide == "probability":
        raise UserError("decide=probability: images are referred to a person by score, decide=hter")
    if REFER in label_names:
        raise UserError(
            f"a label is called {REFER}, the word for images that a person is asked about; rename "
            "it (data.names) to use refer= or max_error="
        )


def threshold_within(band: tuple[float, float]) -> float:
    """Return the score from which label 1 is decided if nobody is asked: 0, or the end next to it.

    >>> threshold_within((-1.0, 2.0)), threshold_within((0.5, 2.0)), threshold_within((-2.0, -1.0))
    (0.0, 0.5, -1.0)
    """
    low, high = band
    return min(max(0.0, low), high)


@dataclass(frozen=True)
class LabelingRule:
    """The rule that labels images.

    Attributes:
        decide: `hter` or `probability`.
        threshold: label 1 is decided where the score is at least this, unless by probability.
        label_names: how the user spells label 0 and label 1.
        about: the label whose probability is named, 0 or 1.
        probability_at_threshold: P(label 1) of an image whose score is the threshold.
        exact: whether all such images have this probability; with several fold models it is that
            of an image at the threshold of each, and others differ from it a little.
        band: the scores from which and up to which a person is asked; None: nobody is.

    Raises:
        UserError: a person is asked, and a label is called `refer`, too.

    >>> print(LabelingRule("hter", 0.0, ("good", "bad"), 1, 0.33, True).sentence)
    label by the HTER threshold (bad where the score is >= 0), not by probability > .5; here that \
is P(bad) 0.33
    """

    decide: Decide
    threshold: float
    label_names: tuple[str, str]
    about: int
    probability_at_threshold: float
    exact: bool = False
    band: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.band is not None:
            check_band(self.band, self.decide, self.label_names)

    @property
    def sentence(self) -> str:
        """How the label is decided, and what probability that is."""
        (zero, one), name = self.label_names, self.label_names[self.about]
        if self.band is not None:
            low, high = self.band
            return (
                f"label {zero} where the score is < {low:.4g}, {one} where it is >= {high:.4g}; "
                f"between the two {REFER}: a person decides"
            )
        share = self.probability_at_threshold if self.about else 1 - self.probability_at_threshold
        there = f"P({name}) {'' if self.exact else 'about '}{probability_text(share)}"
        kind = "the HTER threshold" if self.threshold == 0 else "the chosen threshold"
        threshold = f"{kind} ({one} where the score is >= {self.threshold:.4g})"
        if self.decide == "probability":
            return (
                f"label by probability ({one} where P({one}) is >= .5), not by {threshold}, which "
                f"is {there} here"
            )
        return f"label by {threshold}, not by probability > .5; here that is {there}"

    def to_json(self) -> dict[str, Any]:
        """Return what `predictions.json` has of the rule."""
        one = self.probability_at_threshold
        return {
            "decide": self.decide,
            "threshold": self.threshold if self.decide == "hter" else None,
            "rule": self.sentence,
            "probability_at_threshold": dict(zip(self.label_names, (1 - one, one), strict=True)),
        }
