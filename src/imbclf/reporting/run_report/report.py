"""What the sections of a report are made from."""

from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.evaluation.decision_errors import decision_errors
from imbclf.evaluation.detection_rates import detection_rates
from imbclf.evaluation.operating_scores import cross_fitted_oof
from imbclf.evaluation.run_command import RunCommand
from imbclf.evaluation.run_images import Photographs
from imbclf.evaluation.verdict import collapsed_folds, verdict
from imbclf.metrics.label_issues import LabelIssues
from imbclf.reporting.figures.detection_curve import Scored
from imbclf.reporting.run_report.run_data import RunData
from imbclf.utils.arrays import minority_class


@dataclass(frozen=True, eq=False)
class Report:
    """A run, as the sections of its report take it.

    Attributes:
        data: the run's tables, a row for each decision.
        images: the same with each image once.
        suspects: images whose label the models doubt, as rows of `images`.
        photographs: loads images as the networks see them.
        device: where heat maps are computed.
        command: how the run was started; None where that was not written down.
    """

    data: RunData
    images: RunData
    suspects: LabelIssues
    photographs: Photographs
    device: torch.device
    command: RunCommand | None = None

    @property
    def summary(self) -> dict[str, Any]:
        """The contents of `summary.json`."""
        return self.data.summary

    @cached_property
    def out_of_fold(self) -> dict[str, NDArray[Any]] | None:
        """The scores that thresholds for an aim are chosen on; None where the run has none."""
        try:
            return cross_fitted_oof(self.data.run)
        except UserError:
            return None

    @cached_property
    def detection(self) -> dict[str, Any]:
        """Sensitivity and the like; of runs of version 0.1 they are computed here."""
        if "detection" in self.summary:
            return dict(self.summary["detection"])
        data = self.data
        repeated = self.repeats > 1 and data.groups is None
        clusters = data.files if repeated else data.groups
        counts = self.summary["class_counts"]
        errors = decision_errors(data.decisions, data.labels, clusters)
        return detection_rates({**errors, "class_counts": counts}, minority_class(counts))

    @cached_property
    def verdict(self) -> dict[str, Any]:
        """What the run comes to; of runs of version 0.1 it is judged here."""
        if "verdict" in self.summary:
            return dict(self.summary["verdict"])
        low, high = self.summary["hter_interval"]
        collapsed = collapsed_folds(self.data.scores, self.data.fold_of)
        return asdict(verdict(self.summary["hter"], (low, high), collapsed))

    @property
    def repeats(self) -> int:
        """How often the images were divided."""
        return int(self.summary.get("repeats", 1))

    @property
    def positive(self) -> int:
        """The label that is to be found, the rarer one."""
        return int(self.detection["positive"])

    @property
    def names(self) -> tuple[str, str]:
        """How the user spells the label that is to be found, and the other."""
        names = self.data.names
        return names[self.positive], names[1 - self.positive]

    @property
    def found(self) -> str:
        """How a sentence calls the label that is to be found."""
        return called(self.names[0])

    @property
    def other(self) -> str:
        """How a sentence calls the other label."""
        return called(self.names[1])

    @property
    def scored(self) -> Scored:
        """The scores for curves."""
        data = self.data
        return Scored(data.scores, data.labels, data.fold_of, self.positive, self.found)

    @property
    def counts(self) -> NDArray[np.float64]:
        """Images `[label][decision]`, the positive label first; means over the repeats."""
        labels, decisions = (
            values if self.positive == 0 else 1 - values
            for values in (self.data.labels, self.data.decisions)
        )
        table = np.zeros((2, 2))
        np.add.at(table, (labels, decisions), 1)
        return table / self.repeats

    @property
    def network(self) -> str:
        """What the network is called, and how many there are."""
        name = self.data.options.get("model", {}).get("name", "unknown network")
        folds = len(self.summary["per_fold"])
        return f"{name}, {folds} fold {'model' if folds == 1 else 'models'}"

    @property
    def data_name(self) -> str:
        """What the data set is called: the name of its folder; "images" where it has none."""
        folder = self.data.options.get("data", {}).get("dir")
        return Path(str(folder)).name or "images" if folder else "images"


def called(name: str) -> str:
    """Return how a sentence calls a label: a bare number or the like needs the word.

    >>> called("parasitized"), called("0"), called("1.0")
    ('parasitized', 'label 0', 'label 1.0')
    """
    return name if any(letter.isalpha() for letter in name) else f"label {name}"
