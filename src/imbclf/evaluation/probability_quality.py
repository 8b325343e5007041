"""Whether the probabilities of an ensemble can be trusted, on labeled images new to it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.metrics.reliability import brier_score, calibration_error, reliability_diagram


def probability_quality(
    probabilities: NDArray[np.float64], labels: NDArray[np.int64]
) -> dict[str, Any]:
    """Return Brier score, calibration error and reliability diagram of P(label 1); JSON-able.

    `predicted`, `observed` and `counts` are those of the bins that hold images.

    Args:
        probabilities: `[N]`, as the ensemble predicts them.
        labels: `[N]`, 0 or 1.

    >>> quality = probability_quality(np.array([0.15, 0.15, 0.95]), np.array([0, 1, 1]))
    >>> quality["predicted"], quality["observed"], quality["counts"]
    ([0.15, 0.95], [0.5, 1.0], [2, 1])
    """
    diagram = reliability_diagram(probabilities, labels)
    return {
        "brier": brier_score(probabilities, labels),
        "calibration_error": calibration_error(probabilities, labels),
        "predicted": diagram.predicted.tolist(),
        "observed": diagram.observed.tolist(),
        "counts": diagram.counts.tolist(),
    }


def probability_text(quality: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return what was predicted and what was seen, on one line.

    >>> quality = {"predicted": [0.15, 0.95], "observed": [0.5, 1.0], "counts": [2, 1],
    ...            "brier": 0.25, "calibration_error": 0.25}
    >>> probability_text(quality, ("bad", "ok"))
    'Probability of ok: 0.4167 on average, 0.6667 observed; calibration error 0.2500, Brier 0.2500'
    """
    mean, seen = (
        float(np.average(quality[name], weights=quality["counts"]))
        for name in ("predicted", "observed")
    )
    return (
        f"Probability of {names[1]}: {mean:.4f} on average, {seen:.4f} observed; calibration error "
        f"{quality['calibration_error']:.4f}, Brier {quality['brier']:.4f}"
    )
