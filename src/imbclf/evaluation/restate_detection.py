"""Another positive label or prevalence for a finished run: its rates in other words."""

from pathlib import Path

from imbclf.evaluation.detection_rates import detection_rates
from imbclf.evaluation.positive_label import check_prevalence, positive_label
from imbclf.evaluation.run_directory import SUMMARY, read_summary
from imbclf.utils.arrays import minority_class
from imbclf.utils.tables import write_json


def restate_detection(run: Path, positive: object = None, prevalence: float | None = None) -> None:
    """Rewrite `detection` in a run's `summary.json`, if asked for; no other number changes.

    Args:
        run: the run directory.
        positive: name of the label that sensitivity and PPV are about; None: see `positive_label`.
        prevalence: its share where the decisions will be made; None is that of the run's images.

    Raises:
        UserError: an option is out of range, or the summary is damaged or lacks what is needed.
    """
    check_prevalence(prevalence)
    if positive is None and prevalence is None:
        return
    summary = read_summary(
        run, also=("far_interval", "frr_interval", "class_counts", "label_names")
    )
    zero, one = summary["class_counts"]
    zero_name, one_name = summary["label_names"]
    about = positive_label(minority_class((zero, one)), (zero_name, one_name), run, positive)
    write_json(run / SUMMARY, {**summary, "detection": detection_rates(summary, about, prevalence)})
