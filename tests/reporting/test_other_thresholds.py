"""What the report says of new images is what the commands choose for them."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from helpers.written_runs import write_images, write_run
from imbclf.evaluation.operating_scores import cross_fitted_oof, operating_point_of
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.reporting.run_report.other_thresholds import kept_on_new_images
from imbclf.reporting.run_report.report import Report


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_images(folder / "images")
    write_run(folder / "run", folder / "images")
    return folder / "run"


def report(run: Path | None, positive: int = 0) -> Report:
    found = None if run is None else cross_fitted_oof(run)
    return cast(Report, SimpleNamespace(out_of_fold=found, positive=positive))


@pytest.mark.parametrize("target", [0.7, 0.8])
def test_the_other_rate_is_that_of_the_commands_threshold(run: Path, target: float) -> None:
    point = operating_point_of(DecisionOptions(min_specificity=target), run)
    assert point is not None
    oof = cross_fitted_oof(run)
    found = (oof["score"] < point.to_json()["threshold"])[oof["label"] == 0]  # 0 is the rarer label
    told = kept_on_new_images(report(run), "min_specificity", target)
    assert told == f"sensitivity {100 * np.mean(found):.1f} %"


def test_what_cannot_be_told_is_not(run: Path) -> None:
    assert kept_on_new_images(report(run), "min_sensitivity", 0.999) == "too few"
    assert kept_on_new_images(report(run, positive=1), "min_sensitivity", 0.7) == "unknown"
    assert kept_on_new_images(report(None), "min_sensitivity", 0.7) == "unknown"
