"""Errors by the values of further columns, against scikit-learn and the chi-square distribution."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import chi2_contingency
from sklearn.metrics import balanced_accuracy_score, recall_score

from helpers.written_runs import write_images, write_run
from imbclf.data.dataset import LabelledFolder
from imbclf.data.listing import Listing
from imbclf.errors import UserError
from imbclf.evaluation.run_directory import read_oof, read_summary
from imbclf.evaluation.run_images import from_run
from imbclf.evaluation.subgroups import (
    BLANK,
    FEWEST,
    OTHERS,
    bins,
    out_of_fold_subgroups,
    subgroup_report,
    subgroups_text,
)
from imbclf.evaluation.summary_table import table
from imbclf.metrics.significance import holm
from imbclf.reporting.run_report import write_report
from imbclf.utils.tables import write_json

RNG = np.random.default_rng(0)
LABELS = (RNG.random(3000) < 0.8).astype(np.int64)
SITES = RNG.choice(["Bern", "Rome", "Oslo"], 3000)
SCANNERS = RNG.choice(["A", "B"], 3000)
# Rome is worse, and the scanner makes no difference.
WRONG = RNG.random(3000) < np.where(SITES == "Rome", 0.22, 0.1)
DECISIONS = np.where(WRONG, 1 - LABELS, LABELS)


def test_rates_are_those_of_scikit_learn_on_each_value() -> None:
    (column,) = subgroup_report(DECISIONS, LABELS, {"site": SITES})
    assert [row["value"] for row in column["values"]] == ["Bern", "Oslo", "Rome"]
    for row in column["values"]:
        own = row["value"] == SITES
        truth, decided = LABELS[own], DECISIONS[own]
        assert row["hter"] == pytest.approx(1 - balanced_accuracy_score(truth, decided))
        assert row["far"] == pytest.approx(1 - recall_score(truth, decided, pos_label=0))
        assert row["frr"] == pytest.approx(1 - recall_score(truth, decided))
        assert row["class_counts"] == np.bincount(truth).tolist()
        for rate in ("hter", "far", "frr"):
            low, high = row[f"{rate}_interval"]
            assert low < row[rate] < high


def test_homogeneity_is_chi_square_by_label_adjusted_by_holm() -> None:
    sizes = {"site": SITES, "scanner": SCANNERS, "half": np.arange(3000) % 2}
    report = subgroup_report(DECISIONS, LABELS, {name: v.astype(str) for name, v in sizes.items()})
    from scipy.stats import chi2

    expected = []
    for values in sizes.values():
        statistic = degrees = 0.0
        for label in (0, 1):
            of = label == LABELS
            table = pd.crosstab(WRONG[of], values[of]).to_numpy()
            found = chi2_contingency(table, correction=False)
            statistic, degrees = statistic + found.statistic, degrees + found.dof
        expected.append(float(chi2.sf(statistic, degrees)))
    assert [column["p"] for column in report] == pytest.approx(holm(expected), abs=0.03)
    assert report[0]["p"] < 0.01
    assert report[1]["p"] > 0.05


def test_few_images_of_a_label_are_not_told_as_a_rate() -> None:
    labels = np.array([0] * (FEWEST - 1) + [1] * 50 + [0] * 20 + [1] * 20)
    values = np.repeat(["few", "many", "none"], [FEWEST + 29, 40, 20])
    (column,) = subgroup_report(labels, labels, {"site": values})
    rows = {row["value"]: row for row in column["values"]}
    assert rows["few"]["hter"] is rows["few"]["far"] is None
    assert rows["few"]["frr"] == 0
    assert rows["many"]["hter"] == 0
    assert rows["none"]["far_interval"] == [None, None]
    json.dumps(column)
    text = subgroups_text([column], ("bad", "good"), 0)
    (line,) = (one for one in text.splitlines() if one.startswith("few"))
    assert line.split()[1:3] == [str(FEWEST - 1), "30"]
    assert line.count("too few") == 2


def test_numbers_of_many_values_are_cut_at_their_quartiles() -> None:
    ages = np.random.default_rng(1).integers(20, 90, 400)
    cells = ages.astype(str)
    cells[:7] = ""
    values, is_cut = bins(cells)
    assert is_cut
    assert (values[:7] == BLANK).all()
    own = ages[7:]
    quarter = pd.qcut(own, 4, labels=False)
    sizes = pd.Series(values[7:]).value_counts().sort_index().tolist()
    assert sizes == pytest.approx(np.bincount(quarter).tolist(), abs=12)  # equal ages stay together
    for name in np.unique(values[7:]):
        low, high = (int(end) for end in name.partition(": ")[2].split(" to "))
        assert (own[values[7:] == name].min(), own[values[7:] == name].max()) == (low, high)
    assert bins(np.array(["1", "2", "30"] * 10))[1] is False  # three numbers are three values


def test_rare_words_are_taken_together() -> None:
    cells = np.array([f"patient {number % 40}" for number in range(100)] + ["clinic"] * 50)
    values, is_cut = bins(cells)
    assert not is_cut
    assert (values == "clinic").sum() == 50
    assert (values == OTHERS).any()
    assert len(np.unique(values)) == 12


def test_repeated_folds_count_images_once(tmp_path: Path) -> None:
    files = np.array([f"{number}.png" for number in range(3000)])
    listing = Listing(
        Path("p"),
        files,
        LABELS,
        columns={"site": SITES},
        subgroups=("site",),
        label_names=("a", "b"),
    )
    rows = np.repeat(np.arange(3000), 2)
    scores = (2 * DECISIONS - 1).astype(np.float64)
    single = out_of_fold_subgroups(tmp_path, listing, np.arange(3000), scores, LABELS)
    twice = out_of_fold_subgroups(tmp_path, listing, rows, scores[rows], LABELS[rows])
    for one, two in zip(single[0]["values"], twice[0]["values"], strict=True):
        assert one["class_counts"] == two["class_counts"]
        assert one["hter"] == pytest.approx(two["hter"])
        widths = [high - low for low, high in (one["hter_interval"], two["hter_interval"])]
        assert widths[1] > 0.9 * widths[0]
    table = pd.read_csv(tmp_path / "subgroups.csv")
    assert (table["file"].tolist(), table["site"].tolist()) == (files.tolist(), SITES.tolist())


def test_report_and_summary_have_them(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_images(tmp_path / "photos")
    write_run(run, tmp_path / "photos")
    oof, summary = read_oof(run), json.loads((run / "summary.json").read_text())
    sites = np.where(np.arange(len(oof)) % 3 == 0, "<Bern>", "Rome")
    summary["subgroups"] = subgroup_report(
        oof["decision"].to_numpy(), oof["label"].to_numpy(), {"site": sites}
    )
    write_json(run / "summary.json", summary)
    html = write_report(run, from_run(run, None), torch.device("cpu")).read_text(encoding="utf-8")
    assert "By site: no evidence that error rates differ" in html
    assert "&lt;Bern&gt;" in html
    assert "<Bern>" not in html
    assert "By site: no evidence" in table(read_summary(run))

    for change in ({"p": None}, {"values": [{"value": "x"}]}, {"column": 7}):
        damaged = {**summary, "subgroups": [{**summary["subgroups"][0], **change}]}
        write_json(run / "summary.json", damaged)
        with pytest.raises(UserError, match=r"summary\.json"):
            read_summary(run)


def test_columns_are_read_from_the_table_whatever_their_values(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"{number}.png").write_bytes(b"")
    table = pd.DataFrame({"file": [f"{number}.png" for number in range(60)]})
    table["label"] = [number % 3 == 0 for number in range(60)]
    table["Site"], table["age"] = ["Bern", "Rome"] * 30, np.arange(60) + 0.5
    table.astype({"label": int}).to_csv(tmp_path / "labels.csv", index=False)
    plain = LabelledFolder(str(tmp_path)).list_files()
    assert (plain.subgroups, [*plain.columns]) == ((), ["Site"])
    found = LabelledFolder(str(tmp_path), subgroups=["site", "age"]).list_files()
    assert found.subgroups == ("Site", "age")
    assert found.columns["age"].tolist() == [f"{number + 0.5}" for number in range(60)]
    assert found.take([3]).columns["Site"].tolist() == ["Rome"]
    assert "age" not in found.account.unused_columns
    assert found.account.columns["subgroups"] == "Site, age"
    with pytest.raises(UserError, match=r"data\.subgroups=sight: .* did you mean Site"):
        LabelledFolder(str(tmp_path), subgroups="sight").list_files()
    (tmp_path / "labels.csv").unlink()
    (tmp_path / "train_img").mkdir()
    for number in range(4):
        (tmp_path / "train_img" / f"{number}.png").write_bytes(b"")
    (tmp_path / "label_train.txt").write_text("0\n1\n0\n1\n")
    with pytest.raises(UserError, match=r"data\.subgroups=site: .* has no columns"):
        LabelledFolder(str(tmp_path), subgroups="site").list_files()
