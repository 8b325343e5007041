import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from helpers.written_runs import write_images, write_run
from imbclf.data.splits import Fold, repeated_folds, stratified_folds
from imbclf.errors import UserError
from imbclf.evaluation.fold_files import (
    FoldResult,
    read_epochs,
    read_fold,
    write_fold,
)
from imbclf.evaluation.run_directory import (
    read_oof,
    read_overrides,
    read_splits,
    read_summary,
    read_tracking_run,
    write_oof,
    write_splits,
)
from imbclf.evaluation.run_images import data_options
from imbclf.evaluation.summary import OutOfFold, pool, summarize
from imbclf.evaluation.summary_table import table
from imbclf.evaluation.training_images import read_training_images
from imbclf.metrics.intervals import bootstrap_hter_interval, hter_interval
from imbclf.utils.files import atomic_write
from imbclf.utils.tables import (
    read_table,
    write_json,
    write_table,
)

LABELS = np.array([0] * 30 + [1] * 170)
FILES = np.array([f"train_img/{number}.jpg" for number in range(200)])
FILES[3] = 'odd, "name"\u00e9.jpg'
FILES[4] = "NA"


def results(seed: int = 0) -> tuple[list[Fold], list[FoldResult]]:
    folds = stratified_folds(LABELS, 4, seed=0)
    random = np.random.default_rng(seed)
    made = []
    for number, fold in enumerate(folds):
        # Each fold model scores on a scale of its own.
        dev, test = (
            (number + 1) * (LABELS[rows] + random.normal(0, 0.8, len(rows)) + number)
            for rows in (fold.dev, fold.test)
        )
        made.append(FoldResult(number, 2, (number + 1) * (number + 0.5), 1.5, 100.0, dev, test))
    return folds, made


def write_pooled(run: Path, pooled: OutOfFold) -> None:
    rows = pooled.rows
    write_oof(run, FILES[rows], LABELS[rows], pooled.fold_of, pooled.scores)


def test_a_fold_reads_back_bit_for_bit(tmp_path: Path) -> None:
    folds, made = results()
    assert read_fold(tmp_path, 1) is None
    write_fold(tmp_path, made[1], folds[1], FILES, LABELS)
    read = read_fold(tmp_path, 1)
    assert read is not None
    assert (read.dev_logits == made[1].dev_logits).all()
    assert (read.test_logits == made[1].test_logits).all()
    assert (read.fold, read.epoch, read.threshold) == (1, 2, made[1].threshold)


def test_oof_alone_gives_every_pooled_number(tmp_path: Path) -> None:
    folds, made = results()
    write_pooled(tmp_path, pool(made, folds))
    summary = summarize(made, folds, LABELS, ("bad", "good"))
    oof = read_table(tmp_path / "oof.csv")
    assert oof["file"].tolist() == FILES.tolist()
    wrong = oof["decision"] != oof["label"]
    far, frr = wrong[oof["label"] == 0].mean(), wrong[oof["label"] == 1].mean()
    assert summary["far"] == pytest.approx(far)
    assert summary["frr"] == pytest.approx(frr)
    assert summary["hter"] == pytest.approx((far + frr) / 2)
    assert summary["pooled"]["auroc"] == pytest.approx(roc_auc_score(oof["label"], oof["score"]))
    each = [roc_auc_score(own["label"], own["score"]) for _, own in oof.groupby("fold")]
    assert summary["auroc"] == pytest.approx(np.mean(each)) != summary["pooled"]["auroc"]
    low, high = summary["hter_interval"]
    assert low < summary["hter"] < high
    assert summary["class_counts"] == [30, 170]
    assert summary["minority_label"] == 0


def test_pooled_decisions_are_those_of_each_fold_at_its_own_threshold() -> None:
    folds, made = results()
    scores = pool(made, folds).scores
    for result in made:
        own = result.test_logits >= result.threshold
        assert ((scores[folds[result.fold].test] >= 0) == own).all()


def test_one_fold_alone_leaves_out_what_it_did_not_test(tmp_path: Path) -> None:
    folds, made = results()
    write_pooled(tmp_path, pool(made[2:3], folds))
    oof = read_table(tmp_path / "oof.csv")
    assert oof["file"].tolist() == FILES[folds[2].test].tolist()
    assert summarize(made[2:3], folds, LABELS, ("0", "1"))["images"] == len(oof)


def test_of_repeated_folds_rates_are_means_and_images_are_counted_once() -> None:
    folds = repeated_folds(LABELS, 4, seed=0, repeats=3)
    rng = np.random.default_rng(5)
    common = 2.0 * LABELS + rng.normal(size=len(LABELS))
    made = []
    for number, fold in enumerate(folds):
        logits = common + 0.2 * rng.normal(size=len(LABELS))
        made.append(FoldResult(number, 0, 1.0, 1.0, 9.0, logits[fold.dev], logits[fold.test]))
    summary = summarize(made, folds, LABELS, ("0", "1"), repeats=3)
    single = [summarize(made[start : start + 4], folds, LABELS, ("0", "1")) for start in (0, 4, 8)]
    for name in ("hter", "far", "frr"):
        assert summary[name] == pytest.approx(np.mean([one[name] for one in single]))
    assert (summary["images"], summary["class_counts"]) == (200, [30, 170])
    assert (summary["folds"], summary["repeats"], len(summary["per_fold"])) == (4, 3, 12)
    widths = [high - low for low, high in (one["hter_interval"] for one in (summary, *single))]
    # An image decided three times is one image; three times as many would be .58 times the width.
    assert 0.8 * min(widths[1:]) < widths[0] < 1.1 * max(widths[1:])


def test_images_that_come_in_groups_say_less() -> None:
    folds, made = results()
    groups = np.array([f"{label}-{place // 5}" for place, label in enumerate(LABELS)])
    whole = [
        FoldResult(r.fold, 0, 0.0, 1.0, 9.0, r.dev_logits, decided(groups[folds[r.fold].test]))
        for r in made
    ]
    alone = summarize(whole, folds, LABELS, ("0", "1"))
    grouped = summarize(whole, folds, LABELS, ("0", "1"), groups=groups)
    widths = [high - low for low, high in (one["hter_interval"] for one in (alone, grouped))]
    assert grouped["by_group"]
    assert grouped["hter"] == alone["hter"]
    assert widths[1] > 1.5 * widths[0]
    assert grouped["hter_interval_bootstrap"] == list(
        bootstrap_hter_interval(pool(whole, folds).scores >= 0, LABELS, groups)
    )
    # Images that are always right or wrong together count as one.
    zero, one = (len({*groups[label == LABELS]}) for label in (0, 1))
    as_few = hter_interval(grouped["far"], grouped["frr"], zero, one)
    assert grouped["hter_interval"] == pytest.approx(list(as_few), abs=0.01)


def decided(groups: NDArray[np.str_]) -> NDArray[np.float64]:
    """Logits that are wrong for one group in five, and right for the others."""
    right = np.array([2.0 * int(name[0]) - 1 for name in groups.tolist()])
    wrong = np.array([int(name[2:]) % 5 == 0 for name in groups.tolist()])
    return np.where(wrong, -right, right)


def test_splits_say_every_images_part_in_every_fold(tmp_path: Path) -> None:
    folds, _ = results()
    write_splits(tmp_path, FILES, folds)
    splits = read_table(tmp_path / "splits.csv")
    for number, fold in enumerate(folds):
        for part in ("fit", "dev", "test"):
            rows = np.flatnonzero(splits[f"fold_{number}"] == part)
            assert (rows == getattr(fold, part)).all()


def test_groups_of_nearly_one_name_stay_apart(tmp_path: Path) -> None:
    names = np.array(["1", "01", "001"])
    ones = np.ones(3, np.int64)
    write_oof(tmp_path, np.array(["1", "2", "3"]), ones, ones, np.ones(3), names)
    assert read_oof(tmp_path)["group"].tolist() == names.tolist()
    assert read_oof(tmp_path)["file"].tolist() == ["1", "2", "3"]


def test_the_table_shows_the_pooled_answer_and_each_fold() -> None:
    folds, made = results()
    summary = summarize(made, folds, LABELS, ("bad", "good"))
    shown = table(summary)
    assert f"HTER {summary['hter']:.4f}, 95 % interval" in shown
    assert f"AUROC {summary['auroc']:.4f}, 95 % interval" in shown
    (caution,) = summary["warnings"]
    assert caution.startswith("Only 3 images of label bad in the dev part of fold 0: ")
    assert f"Warning: {caution}" in shown
    assert shown.endswith(f"{summary['verdict']['sentence']}.")
    rates = summary["detection"]
    assert f"sensitivity (recall)  {rates['sensitivity']:.4f}" in shown
    assert f"precision (PPV)       {rates['precision']:.4f}" in shown
    assert "finding bad" in shown
    assert "bad is 15.00% of these images" in shown
    common = summarize(made, folds, LABELS, ("bad", "good"), positive=1)
    assert common["detection"]["sensitivity"] == rates["specificity"]
    assert (common["hter"], common["minority_label"]) == (summary["hter"], 0)
    assert "30 images of label bad and 170 of label good" in shown


def test_json_holds_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": float("nan"), "y": [1.5, float("inf")], "z": {"w": 1}})
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "x": None,
        "y": [1.5, None],
        "z": {"w": 1},
    }


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_scores_survive_the_table(tmp_path_factory: pytest.TempPathFactory, s: list[float]) -> None:
    run = tmp_path_factory.mktemp("run")
    scores = np.array(s)
    count = len(scores)
    write_oof(run, FILES[:count], LABELS[:count], np.zeros(count, dtype=np.int64), scores)
    read = read_table(run / "oof.csv")
    assert (read["score"].to_numpy() == scores).all()
    assert (read["decision"].to_numpy() == (scores >= 0)).all()


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=6)
ROWS = st.tuples(WORDS, st.integers(-(2**53), 2**53), st.floats(), st.booleans())


@given(st.lists(ROWS, min_size=1, max_size=8))
def test_a_table_is_written_as_pandas_writes_it(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, float, bool]]
) -> None:
    word, number, score, truth = map(list, zip(*rows, strict=True))
    columns = {"word": word, "number": np.array(number), "score": np.array(score), "truth": truth}
    path = tmp_path_factory.mktemp("run") / "any.csv"
    write_table(path, columns)
    expected = pd.DataFrame(columns).to_csv(index=False, lineterminator="\n")
    assert path.read_bytes().decode() == expected


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    def break_off() -> None:
        with atomic_write(path) as beside:
            beside.write_text("half of i")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208


READERS: dict[str, Callable[[Path], object]] = {
    "summary.json": read_summary,
    "oof.csv": read_oof,
    "splits.csv": partial(read_splits, fold=0),
    "fold_0/result.json": partial(read_fold, fold=0),
    "fold_0/scores.csv": partial(read_fold, fold=0),
    "fold_0/metrics.csv": lambda run: read_epochs(run / "fold_0" / "metrics.csv"),
    "config.yaml": data_options,
    "job.json": read_overrides,
    "tracking_run": read_tracking_run,
    "images.csv": read_training_images,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    write_images(folder / "photos")
    write_run(folder / "run", folder / "photos", trained=(0,))
    (folder / "run" / "job.json").write_text('{"job": "0", "overrides": "seed=1 loss=bce"}')
    (folder / "run" / "tracking_run").write_text("0123456789abcdef\n")
    (folder / "run" / "images.csv").write_text("file,label,digest\n0.png,1,00ff\n")
    return folder / "run"


@pytest.mark.parametrize("name", READERS)
def test_every_damaged_file_is_a_message_that_names_it(finished: Path, name: str) -> None:
    READERS[name](finished)
    whole = (finished / name).read_bytes()
    damaged = (
        b"",
        b"\0" * 50,
        b"\xff\xfe\x80",
        b"[[[",
        b'{"a": ',
        b"[1]",
        b"a,b\n1,2,3\n",
        b"x\ny",
    )
    try:
        for content in damaged:
            (finished / name).write_bytes(content)
            with pytest.raises(UserError) as caught:
                READERS[name](finished)
            assert str(caught.value).startswith(f"{finished / name}: expected ")
    finally:
        (finished / name).write_bytes(whole)


def test_what_is_not_there_is_none_or_a_message(finished: Path, tmp_path: Path) -> None:
    assert read_overrides(finished) == ["seed=1", "loss=bce"]
    assert read_tracking_run(finished) == "0123456789abcdef"
    assert read_overrides(tmp_path) == []
    assert read_tracking_run(tmp_path) is None
    assert read_fold(tmp_path, 0) is None
    for read in (read_summary, read_oof, partial(read_splits, fold=0), data_options):
        with pytest.raises(UserError, match="No such file or directory"):
            read(tmp_path)
    with pytest.raises(UserError, match=r"splits\.csv: has no fold 7"):
        read_splits(finished, 7)
