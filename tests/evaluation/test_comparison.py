"""Finished runs side by side: every number again by hand, and the command as a user runs it."""

import base64
import csv
import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, recall_score, roc_auc_score

from helpers.commands import run as command
from imbclf.data.splits import repeated_folds
from imbclf.errors import UserError
from imbclf.evaluation.comparison import rank
from imbclf.evaluation.comparison_remarks import remarks
from imbclf.evaluation.finished_run import (
    FinishedRun,
    find_runs,
    read_run,
)
from imbclf.evaluation.fold_files import FoldResult
from imbclf.evaluation.pairing import pair_images
from imbclf.evaluation.recipes import rank_recipes
from imbclf.evaluation.run_directory import write_oof
from imbclf.evaluation.summary import pool, summarize
from imbclf.metrics.replicates import compare_replicates
from imbclf.metrics.significance import paired_hter_test
from imbclf.reporting.comparison_report import named_apart, write_comparison
from imbclf.utils.tables import write_json, write_table

LABELS = np.repeat([0, 1], [240, 1760])
FILES = np.array([f"{number}.jpg" for number in range(2000)])
SEEN = np.random.default_rng(0).normal(2.0 * LABELS - 1, 1.0)


def write_run(
    folder: Path,
    noise: float,
    split_seed: int = 0,
    labels: NDArray[np.int64] = LABELS,
    repeats: int = 1,
) -> Path:
    """A run whose scores are those of all others, and noise of its own."""
    folds = repeated_folds(LABELS, 5, split_seed, repeats)
    rng = np.random.default_rng(int(1000 * noise))
    scores = SEEN + rng.normal(0, noise, len(LABELS))
    results = [
        FoldResult(number, 1, 0.1, 10.0, 100.0, scores[fold.dev], scores[fold.test])
        for number, fold in enumerate(folds)
    ]
    pooled = pool(results, folds)
    rows = pooled.rows
    write_oof(folder, FILES[rows], labels[rows], pooled.fold_of, pooled.scores)
    summary = summarize(results, folds, labels, ("0", "1"), repeats=repeats)
    write_json(folder / "summary.json", summary)
    return folder


def two_together(p_values: list[float]) -> list[float]:
    """Holm's adjustment of two: the smaller doubled, the larger no smaller than that."""
    least = min(1.0, 2 * min(p_values))
    return [least if p == min(p_values) else max(p, least) for p in p_values]


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    return [write_run(tmp_path / f"noise{noise}", noise) for noise in (1.5, 0.5, 0.51)]


def test_every_number_can_be_had_from_oof_csv(three: list[Path]) -> None:
    ranks = rank([read_run(folder) for folder in three])
    tables = {folder.name: pd.read_csv(folder / "oof.csv") for folder in three}
    assert [line.hter for line in ranks] == sorted(line.hter for line in ranks)
    for line in ranks:
        t = tables[line.run]
        assert line.hter == pytest.approx(1 - balanced_accuracy_score(t["label"], t["decision"]))
        assert line.far == pytest.approx(1 - recall_score(t["label"], t["decision"], pos_label=0))
        assert line.frr == pytest.approx(1 - recall_score(t["label"], t["decision"]))
        each = [roc_auc_score(own["label"], own["score"]) for _, own in t.groupby("fold")]
        assert line.auroc == pytest.approx(np.mean(each))
        assert line.difference == pytest.approx(line.hter - ranks[0].hter)
        assert line.low <= line.difference <= line.high


def test_p_values_are_those_of_the_formulas_adjusted_together(three: list[Path]) -> None:
    ranks = rank([read_run(folder) for folder in three])
    tables = {folder.name: pd.read_csv(folder / "oof.csv") for folder in three}
    base = tables[ranks[0].run]
    single, over_folds = [], []
    for line in ranks[1:]:
        t = tables[line.run]
        terms = []
        for label in (0, 1):
            of_class = t["label"] == label
            a = (t["decision"] != label)[of_class]
            b = (base["decision"] != label)[of_class]
            terms.append((a.mean() - b.mean(), (a != b).mean() / of_class.sum()))
        z = sum(gap for gap, _ in terms) / np.sqrt(sum(share for _, share in terms))
        single.append(2 * stats.norm.sf(abs(z)))
        gaps = [
            balanced_accuracy_score(base[base.fold == k].label, base[base.fold == k].decision)
            - balanced_accuracy_score(t[t.fold == k].label, t[t.fold == k].decision)
            for k in range(5)
        ]
        corrected = np.mean(gaps) / np.sqrt((1 / 5 + 0.2 / 0.7) * np.var(gaps, ddof=1))
        over_folds.append(2 * stats.t.sf(abs(corrected), 4))
    for line, p, p_folds in zip(
        ranks[1:],
        [min(1.0, 3 * p) for p in single],  # three pairs of three runs
        [min(1.0, 3 * p) for p in over_folds],
        strict=True,
    ):
        assert line.p == pytest.approx(p)
        assert line.p_folds == pytest.approx(p_folds)
    named = rank([read_run(folder) for folder in three], reference=ranks[0].run)
    for line, p in zip(named[1:], two_together(single), strict=True):
        assert line.p == pytest.approx(p)


@pytest.mark.slow
def test_of_equal_runs_few_comparisons_call_one_worse() -> None:
    """Ten runs of the same true HTER: whichever came out least is the reference."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [60, 440])
    files = pd.Index([f"{row}.jpg" for row in range(500)], name="file")
    rest = {
        **dict.fromkeys(("far", "frr", "auroc", "seconds"), 0.1),
        "folds": 5,
        "per_fold": [{"fit_images": 400}],
    }
    alarms = 0
    for _ in range(200):
        seen = rng.normal(2.0 * labels - 1, 1.0)
        runs = []
        for number in range(10):
            decision = (seen + rng.normal(size=500) >= 0).astype(np.int64)
            oof = pd.DataFrame({"label": labels, "fold": 0, "decision": decision}, index=files)
            told = 1 - balanced_accuracy_score(labels, decision)
            summary = {**rest, "hter": told, "hter_interval": [0, 1]}
            runs.append(FinishedRun(str(number), summary, oof))
        alarms += any(line.verdict == "worse" for line in rank(runs))
    assert alarms <= 0.08 * 200  # .16 by Holm's procedure over the nine tests


def test_words_say_what_p_says(three: list[Path]) -> None:
    runs = [read_run(folder) for folder in three]
    assert [line.verdict for line in rank(runs)] == ["reference", "no evidence", "worse"]
    against_worst = {line.run: line.verdict for line in rank(runs, reference="noise1.5")}
    assert against_worst == {"noise1.5": "reference", "noise0.5": "better", "noise0.51": "better"}
    with pytest.raises(UserError, match=r"reference=x: expected one of noise1\.5"):
        rank(runs, reference="x")


def test_other_folds_and_other_images_are_told(tmp_path: Path) -> None:
    one, other = (
        read_run(write_run(tmp_path / f"s{seed}", 0.5, split_seed=seed)) for seed in (0, 1)
    )
    ranks = rank([one, other])
    assert all(np.isnan(line.p_folds) for line in ranks if line.verdict != "reference")
    assert "into other folds" in remarks([one, other], ranks)[0]
    part = pd.read_csv(tmp_path / "s1" / "oof.csv")
    part[part["fold"] < 3].to_csv(tmp_path / "s1" / "oof.csv", index=False)
    fewer = read_run(tmp_path / "s1")
    told = remarks([one, fewer], rank([one, fewer]))
    assert f"{(part['fold'] < 3).sum()} are common to all" in told[0]


def test_repeated_folds_are_compared_by_the_mean_decision_of_an_image(tmp_path: Path) -> None:
    runs = [read_run(write_run(tmp_path / f"n{noise}", noise, repeats=3)) for noise in (0.5, 1.5)]
    best, other = rank(runs)
    errors = []
    for run in (runs[1], runs[0]):
        wrong = (run.oof["decision"] != run.oof["label"]).groupby(level=0).mean()
        errors.append(wrong.loc[FILES.tolist()].to_numpy(np.float64))
    terms = [(errors[0] - errors[1])[label == LABELS] for label in (0, 1)]
    z = sum(gap.mean() for gap in terms) / np.sqrt(sum((gap**2).mean() / len(gap) for gap in terms))
    assert other.difference == pytest.approx(other.hter - best.hter)
    assert other.p == pytest.approx(2 * stats.norm.sf(abs(z)))
    gaps = [
        balanced_accuracy_score(one["label"], one["decision"])
        - balanced_accuracy_score(two["label"], two["decision"])
        for (_, one), (_, two) in zip(
            runs[0].oof.groupby("fold"), runs[1].oof.groupby("fold"), strict=True
        )
    ]
    assert len(gaps) == 15
    corrected = np.mean(gaps) / np.sqrt((1 / 15 + 0.2 / 0.7) * np.var(gaps, ddof=1))
    assert other.p_folds == pytest.approx(2 * stats.t.sf(abs(corrected), 14))
    single = read_run(write_run(tmp_path / "single", 0.5))
    assert any("into other folds" in line for line in remarks([single, runs[0]], []))
    assert len(rank([single, runs[0]])) == 2


def test_runs_of_patients_are_compared_by_whole_patients(tmp_path: Path) -> None:
    runs = [read_run(write_run(tmp_path / f"n{noise}", noise)) for noise in (0.5, 0.9)]
    names = pd.Series([f"patient {row // 8}" for row in range(2000)], index=FILES)
    grouped = [replace(run, oof=run.oof.assign(group=names.loc[run.oof.index])) for run in runs]
    line = rank(grouped)[1]
    tables = [run.oof.loc[FILES.tolist()] for run in grouped]
    found = paired_hter_test(
        tables[1]["decision"], tables[0]["decision"], LABELS, groups=names.to_numpy()
    )
    assert (line.p, line.low, line.high) == pytest.approx((found.p, found.low, found.high))
    assert line.p != pytest.approx(rank(runs)[1].p)
    assert "by whole groups" in " ".join(remarks(grouped, rank(grouped)))
    assert "groups." not in " ".join(remarks(runs, rank(runs)))


def test_runs_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    one = read_run(write_run(tmp_path / "one", 0.5))
    labels = LABELS.copy()
    labels[:7] = 1
    other = read_run(write_run(tmp_path / "other", 0.6, labels=labels))
    with pytest.raises(UserError, match="disagree about the labels of 7 images"):
        rank([one, other])
    with pytest.raises(UserError, match="have the same name"):
        rank([one, one])
    assert [run.name for run in named_apart([one, one, other])] == ["one", "one (2)", "other"]
    with pytest.raises(UserError, match=r"summary\.json: expected the summary of a finished run"):
        read_run(tmp_path)
    with pytest.raises(UserError, match="expected a finished run directory or a sweep"):
        find_runs(tmp_path / "nowhere")


def test_jobs_of_a_sweep_are_called_by_what_tells_them_apart(tmp_path: Path) -> None:
    jobs = itertools.product(("bce", "focal"), ("shuffle", "balanced"))
    for number, (loss, sampler) in enumerate(jobs):
        folder = write_run(tmp_path / str(number), 0.5 + number / 10)
        overrides = f"loss={loss} sampler={sampler} seed=1"
        write_json(folder / "job.json", {"job": str(number), "overrides": overrides, "error": None})
    names = [run.name for run in find_runs(tmp_path)]
    assert names[1] == "1 loss=bce sampler=balanced"
    assert len(names) == 4


def test_the_command_writes_table_and_page(three: list[Path], tmp_path: Path) -> None:
    done = command("compare", *(folder.name for folder in three), "out=result", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "worse" in done.stdout
    assert "data.holdout" in done.stdout
    table = (tmp_path / "result" / "comparison.csv").read_text().splitlines()
    html = (tmp_path / "result" / "comparison.html").read_text()
    for row in csv.DictReader(table):
        assert f'data-value="{float(row["hter"])}"' in html
    assert not re.search(r"https?://", html)
    again = command("compare", *(folder.name for folder in three), "out=result", cwd=tmp_path)
    assert again.returncode == 2
    assert "overwrite=true" in again.stderr
    for wrong, told in (
        (("nowhere", "noise0.5"), "nowhere: expected a finished run directory"),
        (("noise0.5",), "two finished runs"),
        ((), "run is needed"),
        (("noise0.5", "noise0.51", "referense=x"), "did you mean reference?"),
        (("experiments:/x", "noise0.5"), "no tracking store"),
    ):
        refused = command("compare", *wrong, cwd=tmp_path)
        assert (refused.returncode, "Traceback" in refused.stderr) == (2, False), refused.stderr
        assert told in refused.stderr
    json.loads((tmp_path / "noise0.5" / "summary.json").read_text())


def test_names_of_runs_are_shown_as_they_are_written(tmp_path: Path) -> None:
    names = ["cost $1", r"$_{\frac$", "好"]
    runs = [read_run(write_run(tmp_path / name, len(name))) for name in names]
    write_comparison(runs, None, tmp_path)
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    (source,) = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)
    shown = ElementTree.fromstring(base64.b64decode(source)).itertext()
    assert {*names} <= {*shown}


def test_runs_of_other_folders_are_told_to_share_names_only(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, noise) for name, noise in (("a", 0.5), ("b", 0.9))]
    for folder in folders:
        (folder / "config.yaml").write_text(f"data: {{dir: data/{folder.name}}}")
    runs = [read_run(folder) for folder in folders]
    assert "several data folders (data/a, data/b)" in " ".join(remarks(runs, rank(runs)))
    assert "data folders" not in " ".join(remarks(runs[:1] * 2, []))


def test_what_is_missed_with_these_images_is_told(tmp_path: Path) -> None:
    runs = [read_run(write_run(tmp_path / f"n{noise}", noise)) for noise in (0.5, 0.51)]
    ranks = rank(runs)
    half = (ranks[1].high - ranks[1].low) / 2
    power = (stats.norm.ppf(0.8) + stats.norm.ppf(0.975)) / stats.norm.ppf(0.975)
    told = " ".join(remarks(runs, ranks))
    found = re.search(r"below about (\S+) in HTER", told)
    assert found is not None
    assert float(found[1]) == pytest.approx(power * half, rel=0.01)
    assert "these trained models" in told


def with_pixels(folder: Path, dir_: str, seed: int = 0, changed: int = 0, side: int = 8) -> Path:
    """Add `images.csv`, of which some digests are other ones, and a predictor's manifest."""
    digests = np.random.default_rng(seed).integers(0, 2**40, len(FILES))
    digests[:changed] += 1
    write_table(
        folder / "images.csv",
        {"file": FILES, "label": LABELS, "digest": [f"{digest:x}" for digest in digests]},
    )
    rule = {"threshold": 0.0, "slope": 1.0, "intercept": 0.0, "temperature": 1.0, "prior": 0.5}
    entry = {"weights": "fold_0.safetensors", "architecture": {"name": "resnet18"}, **rule}
    manifest = {"format": 2, "image_size": [side, side], "label_names": ["0", "1"], "tta": "none"}
    write_json(folder / "predictor" / "predictor.json", {**manifest, "members": [entry]})
    (folder / "config.yaml").write_text(f"data: {{dir: {dir_}}}")
    return folder


def test_images_that_share_names_only_are_not_paired(tmp_path: Path) -> None:
    one, same, some, none, larger = (write_run(tmp_path / name, 0.5) for name in "abcde")
    with_pixels(one, "data/a")
    with_pixels(same, "data/copy")
    with_pixels(some, "data/b", changed=200)
    with_pixels(none, "data/c", seed=1)
    with_pixels(larger, "data/d", seed=1, side=16)
    runs = {folder.name: read_run(folder) for folder in (one, same, some, none, larger)}
    assert not any("pixels" in line for line in remarks([runs["a"], runs["b"]], []))
    assert not any("data folders" in line for line in remarks([runs["a"], runs["b"]], []))

    images = pair_images([runs["a"], runs["c"]])
    assert len(images.labels) == 1800
    assert images.labels.sum() == LABELS[200:].sum()
    told = " ".join(remarks([runs["a"], runs["c"]], rank([runs["a"], runs["c"]])))
    assert "200 images that c and a share by name have other pixels in each" in told
    assert np.isnan(rank([runs["a"], runs["c"]])[1].p_folds)

    with pytest.raises(UserError, match="share the names of 2,000 images, but the pixels of none"):
        rank([runs["a"], runs["d"]])
    # Of images of another size digests say nothing.
    assert len(pair_images([runs["a"], runs["e"]]).labels) == 2000
    assert "several data folders" in " ".join(remarks([runs["a"], runs["e"]], []))


def configured(folder: Path, loss: str, seed: int) -> Path:
    options = f"seed: {seed}\nloss: {{name: {loss}}}\ntracking: {{run_name: {folder.name}}}\n"
    (folder / "config.yaml").write_text(f"{options}data: {{dir: d, cache_dir: c{seed}}}\n")
    overrides = f"loss={loss} seed={seed}"
    write_json(folder / "job.json", {"job": "0", "overrides": overrides, "error": None})
    return folder


def test_runs_that_differ_by_seed_only_are_replicates_of_a_recipe(tmp_path: Path) -> None:
    for number, (loss, noise) in enumerate([("bce", 0.5), ("focal", 1.5)]):
        for seed in range(3):
            folder = write_run(tmp_path / "s" / f"{3 * number + seed}", noise + seed / 50, seed)
            configured(folder, loss, seed)
    configured(write_run(tmp_path / "s" / "6", 0.5), "ldam", 0)  # one seed
    configured(write_run(tmp_path / "s" / "7", 0.9), "bce", 1)  # the same training once more
    runs = find_runs(tmp_path / "s")
    best, other = rank_recipes(runs)
    assert (best.recipe, best.seeds, best.verdict) == ("loss=bce", 3, "reference")
    assert (other.recipe, other.seeds, other.verdict) == ("loss=focal", 3, "worse")
    tables = [run.oof.loc[FILES.tolist()] for run in runs]
    hters = [1 - balanced_accuracy_score(LABELS, table["decision"]) for table in tables[:6]]
    assert best.hter == pytest.approx(np.mean(hters[:3]))
    assert best.deviation == pytest.approx(np.std(hters[:3], ddof=1))
    assert other.difference == pytest.approx(np.mean(hters[3:]) - np.mean(hters[:3]))
    decisions = np.stack([table["decision"] for table in tables[:6]])
    found = compare_replicates(decisions[3:], decisions[:3], LABELS)
    assert (other.p, other.low, other.high) == pytest.approx((found.p, found.low, found.high))

    named = rank_recipes(runs, reference=runs[4].name)
    assert [line.verdict for line in named] == ["better", "reference"]
    told = write_comparison(runs, None, tmp_path / "out")
    assert re.search(r"loss=focal +3 ", told)
    assert "chance in the seeds and in the images" in told
    written = [*csv.DictReader((tmp_path / "out" / "recipes.csv").read_text().splitlines())]
    assert float(written[1]["p"]) == other.p
    assert "Recipes, over their seeds" in (tmp_path / "out" / "comparison.html").read_text()
    single_folds = [replace(run, oof=run.oof[run.oof["fold"] == 0]) for run in runs[:6]]
    assert rank_recipes(single_folds) == []  # each seed tested other images
    write_comparison(runs[:1] + runs[6:7], None, tmp_path / "single")
    assert not (tmp_path / "single" / "recipes.csv").exists()
