"""What choosing the best of several runs really comes to."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from imbclf.data.splits import repeated_folds
from imbclf.evaluation.finished_run import (
    FinishedRun,
    read_run,
)
from imbclf.evaluation.fold_files import FoldResult
from imbclf.evaluation.nested_selection import nested_choice, sentence
from imbclf.evaluation.run_directory import write_oof
from imbclf.evaluation.summary import pool, summarize
from imbclf.reporting.comparison_report import write_comparison
from imbclf.utils.tables import write_json

LABELS = np.repeat([0, 1], [120, 880])
FILES = np.array([f"{number}.jpg" for number in range(1000)])


def guess(folder: Path, seed: int, repeats: int = 1, split: int = 0) -> FinishedRun:
    """A run that knows a little; which of several is best is chance."""
    folds = repeated_folds(LABELS, 5, split, repeats)
    rng = np.random.default_rng(seed)
    results = []
    for number, fold in enumerate(folds):
        logits = rng.normal(0.6 * LABELS, 1.0)
        results.append(FoldResult(number, 0, 0.3, 1.0, 1.0, logits[fold.dev], logits[fold.test]))
    pooled = pool(results, folds)
    rows = pooled.rows
    write_oof(folder, FILES[rows], LABELS[rows], pooled.fold_of, pooled.scores)
    summary = summarize(results, folds, LABELS, ("0", "1"), repeats=repeats)
    write_json(folder / "summary.json", summary)
    return read_run(folder)


def test_it_is_the_choice_made_by_hand(tmp_path: Path) -> None:
    runs = [guess(tmp_path / f"r{seed}", seed) for seed in range(4)]
    choice = nested_choice(runs)
    assert choice is not None
    tables = {run.name: pd.read_csv(tmp_path / run.name / "oof.csv") for run in runs}
    parts, chosen = [], []
    for fold in range(5):
        on_dev = {}
        for run in runs:
            told = json.loads((tmp_path / run.name / "summary.json").read_text())
            on_dev[run.name] = told["per_fold"][fold]["dev_auroc"]
        chosen.append(max(on_dev, key=lambda name: on_dev[name]))
        table = tables[chosen[-1]]
        parts.append(table[table["fold"] == fold])
    joined = pd.concat(parts)
    expected = 1 - balanced_accuracy_score(joined["label"], joined["decision"])
    assert choice.chosen == tuple(chosen)
    assert choice.hter == pytest.approx(expected)
    assert choice.low < choice.hter < choice.high


@pytest.mark.slow
def test_it_is_not_too_good_where_the_least_is(tmp_path: Path) -> None:
    """All runs are alike; the least of 12 lies below what they are, the choice on dev does not."""
    least, nested, truth = [], [], []
    for trial in range(12):
        runs = [guess(tmp_path / f"{trial}-{seed}", 100 * trial + seed) for seed in range(12)]
        choice = nested_choice(runs)
        assert choice is not None
        hters = [run.summary["hter"] for run in runs]
        least.append(min(hters))
        nested.append(choice.hter)
        truth.append(np.mean(hters))
    assert np.mean(least) < np.mean(truth) - 0.015
    assert abs(np.mean(nested) - np.mean(truth)) < 0.008


def test_where_folds_differ_there_is_none(tmp_path: Path) -> None:
    one, same = guess(tmp_path / "a", 0), guess(tmp_path / "b", 1)
    other = guess(tmp_path / "c", 2, split=1)
    assert nested_choice([one]) is None
    assert nested_choice([one, other]) is None
    assert nested_choice([one, same]) is not None
    del same.summary["per_fold"][0]["dev_auroc"]  # as older runs have it
    assert nested_choice([one, same]) is None


def test_repeated_folds_count_an_image_once(tmp_path: Path) -> None:
    runs = [guess(tmp_path / f"r{seed}", seed, repeats=3) for seed in range(2)]
    choice = nested_choice(runs)
    assert choice is not None
    assert len(choice.chosen) == 15
    assert choice.low < choice.hter < choice.high


def test_a_comparison_says_so(tmp_path: Path) -> None:
    runs = [guess(tmp_path / f"r{seed}", seed) for seed in range(3)]
    choice = nested_choice(runs)
    assert choice is not None
    text = write_comparison(runs, None, tmp_path)
    assert sentence(choice) in text
    assert "an honest estimate" in (tmp_path / "comparison.html").read_text(encoding="utf-8")
