"""Which label is the positive one: what sensitivity, PPV and the like are about."""

from pathlib import Path

from imbclf.errors import UserError
from imbclf.evaluation.run_images import data_options


def positive_label(
    rare: int, label_names: tuple[str, str], run: Path | None = None, wanted: object = None
) -> int:
    """Return the positive label, 0 or 1; sensitivity is its recall. No error rate depends on it.

    The label asked for; else label 1, where the user named its values in training
    (`data.positive`); else the rarer one.

    Args:
        rare: the rarer label of the training images.
        label_names: how the user spells label 0 and label 1.
        run: the run directory, if there is one.
        wanted: the name of a label (`positive=`), or None.

    Raises:
        UserError: no label is called so.

    >>> positive_label(0, ("defective", "good")), positive_label(0, ("1", "2"), wanted=2)
    (0, 1)
    """
    if wanted is not None:
        if str(wanted) not in label_names:
            raise UserError(f"positive={wanted}: expected {' or '.join(label_names)}")
        return label_names.index(str(wanted))
    named = run is not None and _names_positive(run)
    return 1 if named else rare


def _names_positive(run: Path) -> bool:
    try:
        return data_options(run).get("positive") is not None
    except UserError:  # a run without a readable configuration, made by hand
        return False


def check_prevalence(prevalence: float | None) -> None:
    """Refuse what is no share.

    Raises:
        UserError: it is not between 0 and 1.
    """
    is_number = isinstance(prevalence, int | float) and not isinstance(prevalence, bool)
    if prevalence is not None and not (is_number and 0 < prevalence < 1):
        raise UserError(
            f"prevalence={prevalence}: expected a share of the positive label, between 0 and 1"
        )
