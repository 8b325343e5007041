"""What a referral comes to on labeled images that it was not chosen on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.evaluation.decision_errors import decision_errors, rate_interval, share_of
from imbclf.prediction.referral import Referral


def judge_referral(
    referral: Referral,
    outcomes: NDArray[np.int64],
    labels: NDArray[np.int64],
    groups: NDArray[np.generic] | None = None,
) -> dict[str, Any]:
    """Return the share of images that were referred, and the errors among the others, by label.

    Args:
        referral: the two thresholds in use.
        outcomes: `[N]`, 0 or 1, or -1 where a person is asked.
        labels: `[N]`, 0 or 1.
        groups: `[N]`, which images depend on each other; None: none do.

    Returns:
        `share` of images referred; `hter`, `far`, `frr` of the decided ones with their intervals;
        and `by_label`, a row for label 0 and label 1: `images`, `referred`, `wrong`, and
        `wrong_share`, of all images of the label, with its interval: what `max_error` bounds,
        which `met` is about.

    >>> found = Referral("max_error", 0.4, -1, 1, 0.1, (0.1, 0.1), 0.1, 0.1, 0.1, None, 0.2)
    >>> outcomes, labels = np.array([0, 0, 1, -1, 1, -1]), np.array([0, 0, 0, 0, 1, 1])
    >>> judged = judge_referral(found, outcomes, labels)
    >>> round(judged["share"], 2), round(judged["far"], 2), judged["frr"], judged["met"]
    (0.33, 0.33, 0.0, True)
    """
    decided = outcomes >= 0
    own = None if groups is None else groups[decided]
    errors = decision_errors(outcomes[decided], labels[decided], own)
    rows = [_of_label(outcomes, labels, groups, label) for label in (0, 1)]
    met = all(row["wrong_share"] <= referral.value for row in rows if row["images"])
    return {
        "share": float(1 - decided.mean()),
        **errors,
        "by_label": rows,
        **({"met": met} if referral.option == "max_error" else {}),
    }


def _of_label(
    outcomes: NDArray[np.int64],
    labels: NDArray[np.int64],
    groups: NDArray[np.generic] | None,
    label: int,
) -> dict[str, Any]:
    own = outcomes[labels == label]
    wrong = own == 1 - label
    interval = rate_interval(wrong, None if groups is None else groups[labels == label])
    return {
        "images": len(own),
        "referred": int((own < 0).sum()),
        "wrong": int(wrong.sum()),
        "wrong_share": share_of(wrong),
        "wrong_share_interval": list(interval),
    }


def referral_text(referral: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return what a referral comes to on a few lines; `referral` as in `evaluation.json`."""
    rows = referral["by_label"]
    referred = sum(row["referred"] for row in rows)
    of_label = ", ".join(
        f"{row['referred']} of {row['images']} of {name}"
        for name, row in zip(names, rows, strict=True)
    )
    met = {None: "", True: ": met", False: ": not met"}[referral.get("met")]
    lines = [
        f"Referred to a person {referral['share']:.1%}, {referred} images ({of_label}), for "
        f"{referral['option']}={referral['value']:g}{met}",
        f"  HTER of the others {_rate(referral, 'hter')}",
    ]
    pairs = zip(names, rows, ("far", "frr"), strict=True)
    for label, (name, row, rate) in enumerate(pairs):
        lines.append(
            f"  {name} decided {names[1 - label]}: {row['wrong']}, of those decided "
            f"{_rate(referral, rate)}; of all {_rate(row, 'wrong_share')}"
        )
    return "\n".join(lines)


def _rate(values: Mapping[str, Any], name: str) -> str:
    low, high = values[f"{name}_interval"]
    if values[name] != values[name]:
        return "undefined"
    return f"{values[name]:.4f} ({low:.4f} to {high:.4f})"
