"""What a run comes to, in one sentence, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GUESSING = 0.5  # HTER of whoever decides without looking
LITTLE_SPREAD = 1e-5  # deviation of scores, in logits, of a network that says the same of all


@dataclass(frozen=True)
class Verdict:
    """What a run comes to.

    Attributes:
        better: whether its error rate is below that of guessing, beyond chance.
        sentence: what it comes to.
        advice: what to do next, where it is not better than guessing; "" otherwise.
    """

    better: bool
    sentence: str
    advice: str = ""


def verdict(hter: float, interval: tuple[float, float], collapsed: Sequence[int] = ()) -> Verdict:
    """Judge a half total error rate by its 95 % interval against guessing, whose rate is 50 %.

    Args:
        hter: half total error rate.
        interval: its bounds.
        collapsed: folds whose network gives all images nearly the same score.

    >>> verdict(0.45, (0.38, 0.52)).better, verdict(0.1, (0.08, 0.13)).better
    (False, True)
    """
    low, high = interval
    rates = f"HTER {hter:.1%}, 95 % interval {low:.1%} to {high:.1%}"
    if collapsed:
        folds = ", ".join(map(str, collapsed))
        who = (
            f"the network of fold {folds} gives"
            if len(collapsed) == 1
            else (f"the networks of folds {folds} give")
        )
        return Verdict(
            better=False,
            sentence=f"Collapsed: {who} all images nearly the same score ({rates})",
            advice="train longer (trainer.max_epochs), with pretrained weights (model.weights) or "
            "another learning rate (optim.lr)",
        )
    if low <= GUESSING:
        if high < GUESSING:
            return Verdict(better=True, sentence=f"Better than guessing ({rates}; guessing: 50 %)")
        return Verdict(
            better=False,
            sentence=f"No evidence that this is better than guessing: 50 % lies within the "
            f"interval ({rates})",
            advice="train longer (trainer.max_epochs), with pretrained weights (model.weights), on "
            "more images of the rarer label, or look at the labels (imbclf-explore)",
        )
    return Verdict(
        better=False,
        sentence=f"Worse than guessing ({rates}; guessing: 50 %)",
        advice="look at labels and groups (imbclf-explore): the test images differ from those that "
        "were trained on",
    )


def collapsed_folds(scores: NDArray[np.float64], fold_of: NDArray[np.int64]) -> list[int]:
    """Return the folds whose scores `[N]`, in logits, hardly differ between images.

    >>> collapsed_folds(np.array([0.1, 0.1, -1.0, 2.0]), np.array([0, 0, 1, 1]))
    [0]
    """
    return [
        int(fold)
        for fold in np.unique(fold_of)
        if float(np.std(scores[fold_of == fold])) < LITTLE_SPREAD
    ]
