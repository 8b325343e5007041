"""The benchmark of sets: what it lists, and the table of runs that lie there."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from benchmark_methods import Method, run_of
from benchmark_sets import EXPERIMENTS, SETS, recipes, rows_of
from imbclf.evaluation.summary import pooled_report
from imbclf.metrics.replicates import compare_replicates

LABELS = np.repeat([0, 1], [60, 240])
PER_FOLD = {"fold": 0, "epoch": 1, "threshold": 0.0, "fit_images": 300}
METHODS = [Method(name, ()) for name in (EXPERIMENTS[0], "best")]


def write_run(run: Path, seed: int, rate: float, is_given_test: bool) -> NDArray[np.bool_]:
    """Write the results of a run that errs at this rate; return its decisions."""
    random = np.random.default_rng([seed, round(100 * rate)])
    scores = np.where(random.random(300) < rate, -1, 1) * (2 * LABELS - 1.0)
    report = pooled_report(scores, LABELS, ("a", "b"))
    summary = {
        **report,
        "seconds": 1.0,
        "folds": 1,
        "per_fold": [PER_FOLD],
        "test": {**report, "models": 1},
    }
    columns = {"file": [f"{row}.png" for row in range(300)], "label": LABELS, "score": scores}
    table = pd.DataFrame({**columns, "decision": (scores >= 0).astype(int)})
    run.mkdir(parents=True)
    table.assign(fold=0).to_csv(run / "oof.csv", index=False)
    if is_given_test:
        table.to_csv(run / "test.csv", index=False)
        summary |= {"hter": 0.5}  # out of fold: another number
    (run / "summary.json").write_text(json.dumps(summary))
    recipe = {"seed": seed, "loss": rate}
    (run / "config.yaml").write_text(json.dumps(recipe))
    return np.asarray(scores >= 0)


@pytest.mark.parametrize("is_given_test", [False, True])
def test_rows_are_means_over_seeds_with_a_test_against_the_founding_recipe(
    tmp_path: Path, is_given_test: bool
) -> None:
    decisions = {
        method.name: [
            write_run(run_of(method.name, seed, tmp_path), seed, rate, is_given_test)
            for seed in (0, 1)
        ]
        for method, rate in zip(METHODS, (0.2, 0.1), strict=True)
    }
    rows = rows_of(tmp_path, METHODS, (0, 1))
    assert [row["recipe"] for row in rows] == ["best", EXPERIMENTS[0]]
    for row in rows:
        wrong = [own != LABELS for own in decisions[row["recipe"]]]
        hters = [(one[LABELS == 0].mean() + one[LABELS == 1].mean()) / 2 for one in wrong]
        assert row["hter"] == pytest.approx(np.mean(hters))
        assert row["spread"] == pytest.approx(np.ptp(hters))
        assert row["low"] < row["hter"] < row["high"]
    founding, best = decisions.values()
    expected = compare_replicates(best, founding, LABELS).p
    assert rows[0]["p"] == pytest.approx(expected)
    assert expected < 0.05


@pytest.mark.parametrize("is_given_test", [False, True])
def test_one_seed_and_one_recipe_make_a_table_too(tmp_path: Path, is_given_test: bool) -> None:
    write_run(run_of("best", 0, tmp_path), 0, 0.1, is_given_test)
    (row,) = rows_of(tmp_path, METHODS, (0, 1))
    assert row["p"] is None
    assert np.isnan(row["spread"])
    write_run(run_of(EXPERIMENTS[0], 0, tmp_path), 0, 0.3, is_given_test)
    assert rows_of(tmp_path, METHODS, (0,))[0]["p"] < 0.05


def test_a_recipe_and_a_set_that_are_not_there_are_left_out(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark_sets.EXPERIMENTS", ("best", "no_such_recipe"))
    assert "no_such_recipe" not in [method.name for method in recipes()]
    assert "skipped: experiment=no_such_recipe" in capsys.readouterr().out
    assert SETS["tiny64"].find(tmp_path) is None
    (tmp_path / "tiny64").mkdir()
    assert SETS["tiny64"].find(tmp_path) == tmp_path / "tiny64"
