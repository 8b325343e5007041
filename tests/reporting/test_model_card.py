"""The model card of a predictor: its numbers by another way, and what it must not leave out."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from helpers.written_runs import CPU, write_images, write_run
from imbclf.evaluation.run_images import from_run
from imbclf.reporting.run_report import write_report

TEST = {
    "hter": 0.125,
    "far": 0.1,
    "frr": 0.15,
    "auroc": 0.9,
    "hter_interval": [0.1, 0.15],
    "images": 50,
    "models": 3,
    "class_counts": [10, 40],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card")
    write_images(folder / "photos")
    write_run(folder / "run", folder / "photos")
    path = folder / "run" / "summary.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "test": TEST}))
    write_report(folder / "run", from_run(folder / "run", None), CPU)
    return folder / "run"


def card(run: Path) -> str:
    return (run / "predictor" / "README.md").read_text(encoding="utf-8")


def test_its_numbers_are_those_of_the_decisions(run: Path) -> None:
    oof = pd.read_csv(run / "oof.csv")
    wrong = oof["label"] != oof["decision"]
    far, frr = (wrong[oof["label"] == label].mean() for label in (0, 1))
    text = card(run)
    for name, value in (
        ("HTER", (far + frr) / 2),
        ("Sensitivity", 1 - far),
        ("Specificity", 1 - frr),
    ):
        assert f"| {name} | {100 * value:.1f} % | " in text
    assert "| HTER, given test part | 12.5 % | 10.0 % to 15.0 % |" in text


def test_all_that_a_card_needs_is_there_in_order(run: Path) -> None:
    sections = re.findall(r"^#+ (.*)$", card(run), re.MULTILINE)
    assert sections == [
        "Finding bad & <small> in photos",
        "Data",
        "How it was measured",
        "Results",
        "Operating points",
        "Limits",
        "License of the backbone",
        "How to load it",
    ]
    assert "Which weights it started from was not written down" in card(run)
    assert "Warning: Only 3 images" in card(run)


def test_subgroups_are_tables_in_which_what_is_not_known_is_said(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / "summary.json"
    rates = ("hter", "far", "frr")
    known = dict.fromkeys(rates, 0.25) | {f"{rate}_interval": [0.2, 0.3] for rate in rates}
    absent: dict[str, object] = dict.fromkeys(rates)
    absent |= {f"{rate}_interval": [None, None] for rate in rates}
    values = [
        {"value": "A", "class_counts": [10, 20], **known},
        {"value": "B", "class_counts": [0, 20], **absent},
    ]
    stored = json.loads(path.read_text())
    stored["subgroups"] = [
        {"column": "site | ward", "cut_at_quartiles": False, "p": 0.5, "values": values}
    ]
    path.write_text(json.dumps(stored))
    write_report(tmp_path / "run", from_run(tmp_path / "run", None), CPU)
    text = card(tmp_path / "run")
    assert "| site \\| ward |" in text
    assert "| A | 10 | 20 | 25.0 % | 20.0 % to 30.0 % |" in text
    assert "| B | 0 | 20 | undefined |  |" in text


def test_without_a_predictor_there_is_no_card(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "predictor")
    write_report(tmp_path / "run", from_run(tmp_path / "run", None), CPU)
    assert not (tmp_path / "run" / "predictor").exists()
