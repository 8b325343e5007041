"""The table of predictions, the same in `predictions.csv`, from Python and from a server."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def probability_columns(label_names: tuple[str, str]) -> tuple[str, str]:
    """Return the names of the columns of P(label 0) and P(label 1), the same for every table.

    What is not a letter, a digit or one of `_ . + -` in a label's name becomes `_`; where the two
    would be the same then, the number of the label follows.

    >>> probability_columns(("0", "1")), probability_columns(("No finding", "Edema, mild"))
    (('p_0', 'p_1'), ('p_No_finding', 'p_Edema_mild'))
    >>> probability_columns(("a b", "a_b"))
    ('p_a_b_0', 'p_a_b_1')
    """
    zero, one = ("p_" + re.sub(r"[^\w.+-]+", "_", name) for name in label_names)
    # Spreadsheets and databases read names without regard to case.
    return (f"{zero}_0", f"{one}_1") if zero.lower() == one.lower() else (zero, one)


def answer_columns(
    labels: NDArray[np.str_],
    probabilities: NDArray[np.float64],
    scores: NDArray[np.float64],
    label_names: tuple[str, str],
    warnings: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the columns of N images: `label`, `p_<label>` of both labels, `score`, `warning`.

    Args:
        labels: `[N]`, the decisions in the user's spelling.
        probabilities: `[N]`, P(label 1).
        scores: `[N]`.
        label_names: how the user spells label 0 and label 1.
        warnings: `[N]`, how each image differs from those of the training, "" where it does not;
            None leaves the column out.

    >>> labels, halves = np.array(["good"]), np.array([0.25])
    >>> answer_columns(labels, halves, halves, ("bad", "good"), [""]).keys()
    dict_keys(['label', 'p_bad', 'p_good', 'score', 'warning'])
    """
    zero, one = probability_columns(label_names)
    columns = {"label": labels, zero: 1 - probabilities, one: probabilities, "score": scores}
    return columns if warnings is None else {**columns, "warning": [*warnings]}
