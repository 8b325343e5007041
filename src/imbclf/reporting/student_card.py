"""The model card of a student, `predictor/README.md`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imbclf.evaluation.student_comparison import student_text
from imbclf.reporting.model_card import CARD, LIMITS, LOADING
from imbclf.utils.files import write_text


def write_student_card(
    folder: Path, found: Mapping[str, Any], label_names: tuple[str, str]
) -> None:
    """Write the model card of a student into its predictor's folder.

    Args:
        folder: of the predictor.
        found: the contents of `distill.json`.
        label_names: how the user spells label 0 and label 1.
    """
    write_text(folder / CARD, student_card(found, label_names))


def student_card(found: Mapping[str, Any], label_names: tuple[str, str]) -> str:
    """Return the model card of a student as Markdown."""
    zero, one = label_names
    table = "\n".join(f"    {line}".rstrip() for line in student_text(found).splitlines())
    return (
        "\n\n".join(
            [
                f"# {found['architecture']}, distilled from {found['teacher']}",
                f"It decides for each image between two labels: `{zero}` (label 0) and `{one}` "
                "(label 1). It is one network that stands in for an ensemble, whose own model card "
                f"(data, results, subgroups) is in `{found['run']}/predictor/README.md`.",
                "## What it loses and gains",
                table,
                "Times are of the machine that it was distilled on, sizes of the weights.",
                "## Limits",
                "\n".join(f"- {limit}" for limit in LIMITS),
                "## How to load it",
                LOADING.replace("RUN_DIRECTORY", "STUDENT"),
            ]
        )
        + "\n"
    )
