"""A finished run directory as an object: its numbers, tables, report and predictor."""

from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from imbclf.evaluation.finished_run import (
    FinishedRun,
    read_run,
    refuse_unfinished,
)
from imbclf.evaluation.operating_scores import with_oof
from imbclf.evaluation.run_images import from_run
from imbclf.prediction.predictor import Predictor
from imbclf.reporting.run_report.write import REPORT, write_report


@dataclass(frozen=True)
class Run:
    """What `imbclf-train` left in a run directory; files are read when they are asked for.

    Args:
        path: the run directory.

    Raises:
        UserError: it is not a finished run.
    """

    path: Path

    def __post_init__(self) -> None:
        refuse_unfinished(self.path)

    @cached_property
    def _finished(self) -> FinishedRun:
        return read_run(self.path, str(self.path))

    @property
    def summary(self) -> dict[str, Any]:
        """The contents of `summary.json`."""
        return self._finished.summary

    @property
    def hter(self) -> float:
        """Half total error rate, thresholds chosen on dev, decisions on test parts pooled."""
        return float(self.summary["hter"])

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the HTER."""
        low, high = self.summary["hter_interval"]
        return float(low), float(high)

    @property
    def oof(self) -> pd.DataFrame:
        """Out-of-fold decisions: file, label, fold, score, decision and, if known, group."""
        return self._finished.oof.reset_index()

    @cached_property
    def splits(self) -> pd.DataFrame:
        """Part (fit, dev, test) of each file in each fold: file, fold_0, fold_1, ..."""
        return pd.read_csv(self.path / "splits.csv", keep_default_na=False, dtype=str)

    def report(self, overwrite: bool = False) -> Path:
        """Return the path of the report; it is written where there is none.

        Args:
            overwrite: write it anew, by the version of imbclf that is installed.

        Raises:
            UserError: the run's files are damaged.
        """
        page = self.path / REPORT
        if overwrite or not page.exists():
            write_report(self.path, from_run(self.path, None), torch.device("cpu"))
        return page

    def predictor(self) -> Predictor:
        """Load the ensemble of the run's fold models.

        Raises:
            UserError: a file of it is missing or damaged.
        """
        return with_oof(Predictor.load(self.path / "predictor"), self.path)

    def _given_test(self) -> dict[str, str]:
        """Return the row of the test part that the user made, if there is one."""
        test = self.summary.get("test")
        if test is None:
            return {}
        low, high = test["hter_interval"]
        text = f"HTER {test['hter']:.4f} ({low:.4f} to {high:.4f}), {test['images']:,} images"
        return {"given test part": text}

    def __repr__(self) -> str:
        """Return path, HTER and interval on one line."""
        low, high = self.interval
        return f"Run({str(self.path)!r}): HTER {self.hter:.4f} ({low:.4f} to {high:.4f})"

    def _repr_html_(self) -> str:
        """Return a short card for notebooks."""
        zero, one = self.summary["class_counts"]
        names = self.summary["label_names"]
        low, high = self.interval
        rows = {
            "HTER": f"{self.hter:.4f} (95 % interval {low:.4f} to {high:.4f})",
            "FAR, FRR": f"{self.summary['far']:.4f}, {self.summary['frr']:.4f}",
            "AUROC": f"{self.summary['auroc']:.4f}",
            **self._given_test(),
            "images": f"{zero} of label {names[0]}, {one} of label {names[1]}",
            "run": str(self.path),
        }
        lines = (f"<tr><th>{key}</th><td>{escape(text)}</td></tr>" for key, text in rows.items())
        return f"<table>{''.join(lines)}</table>"
