"""What a comparison says about how runs differ, and where their reports are."""

import re
from pathlib import Path
from urllib.parse import unquote

import pandas as pd

from imbclf.evaluation.finished_run import FinishedRun
from imbclf.reporting.html_page import Page
from imbclf.reporting.page_parts import Link
from imbclf.reporting.run_differences import add_differences, run_cells

NONE = pd.DataFrame()


def finished(name: str, config: dict[str, object], folder: Path | None = None) -> FinishedRun:
    return FinishedRun(name, {}, NONE, config, folder)


def test_a_run_with_a_report_is_a_link_that_leads_there(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "loss=focal #1 & more"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("here")
    out = tmp_path / "result"
    runs = [finished("a", {}, folder), finished("b", {}, tmp_path / "gone"), finished("c", {})]
    cells = run_cells(runs, out)
    link = cells["a"]
    assert isinstance(link, Link)
    assert "#" not in link.address
    assert (out / unquote(link.address)).resolve().read_text() == "here"
    assert [cells["b"], cells["c"]] == ["b", "c"]


def test_options_that_not_all_runs_share_are_listed_and_no_others() -> None:
    common = {"seed": 0, "data": {"dir": "x", "cache_dir": "p"}, "tracking": {"uri": None}}
    other = {"seed": 0, "data": {"dir": "y", "cache_dir": "q"}, "tracking": {"uri": "z"}}
    focal = {"_target_": "imbclf.losses.FocalLoss", "gamma": 2.0}
    runs = [
        finished("one", {**common, "loss": {"_target_": "imbclf.losses.WeightedBCE"}}),
        finished("two", {**other, "loss": focal}),
    ]
    page = Page("t")
    add_differences(page, runs, run_cells(runs, Path()))
    html = page.html()
    heads = re.findall(r'<button type="button">(.*?)</button>', html)
    assert heads == ["Run", "loss", "loss.gamma"]
    cells = re.findall(r'data-value="([^"]*)"', html)
    assert cells == ["one", "WeightedBCE", "", "two", "FocalLoss", "2.0"]


def test_runs_of_the_same_options_have_no_such_section() -> None:
    runs = [finished("one", {"seed": 0}), finished("two", {"seed": 0})]
    page = Page("t")
    add_differences(page, runs, run_cells(runs, Path()))
    assert "differs" not in page.html()
