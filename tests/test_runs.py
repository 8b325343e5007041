import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from imbclf.atomic import whole_file
from imbclf.runs import (
    FoldResult,
    read_fold,
    read_table,
    write_fold,
    write_json,
    write_oof,
    write_splits,
)
from imbclf.splits import Fold, stratified_folds
from imbclf.summary import pool, summarise, table

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
    fold_of, scores = pool(made, folds, len(LABELS))
    write_oof(tmp_path, FILES, LABELS, fold_of, scores)
    summary = summarise(made, folds, LABELS, ("bad", "good"))
    oof = read_table(tmp_path / "oof.csv")
    assert oof["file"].tolist() == FILES.tolist()
    wrong = oof["decision"] != oof["label"]
    far, frr = wrong[oof["label"] == 0].mean(), wrong[oof["label"] == 1].mean()
    assert summary["far"] == pytest.approx(far)
    assert summary["frr"] == pytest.approx(frr)
    assert summary["hter"] == pytest.approx((far + frr) / 2)
    assert summary["auroc"] == pytest.approx(roc_auc_score(oof["label"], oof["score"]))
    low, high = summary["hter_interval"]
    assert low < summary["hter"] < high
    assert summary["class_counts"] == [30, 170]
    assert summary["minority_label"] == 0


def test_pooled_decisions_are_those_of_each_fold_at_its_own_threshold() -> None:
    folds, made = results()
    _, scores = pool(made, folds, len(LABELS))
    for result in made:
        own = result.test_logits >= result.threshold
        assert ((scores[folds[result.fold].test] >= 0) == own).all()


def test_one_fold_alone_leaves_out_what_it_did_not_test(tmp_path: Path) -> None:
    folds, made = results()
    fold_of, scores = pool(made[2:3], folds, len(LABELS))
    write_oof(tmp_path, FILES, LABELS, fold_of, scores)
    oof = read_table(tmp_path / "oof.csv")
    assert oof["file"].tolist() == FILES[folds[2].test].tolist()
    assert summarise(made[2:3], folds, LABELS, ("0", "1"))["images"] == len(oof)


def test_splits_say_every_images_part_in_every_fold(tmp_path: Path) -> None:
    folds, _ = results()
    write_splits(tmp_path, FILES, folds)
    splits = read_table(tmp_path / "splits.csv")
    for number, fold in enumerate(folds):
        for part in ("fit", "dev", "test"):
            rows = np.flatnonzero(splits[f"fold_{number}"] == part)
            assert (rows == getattr(fold, part)).all()


def test_the_table_shows_the_pooled_answer_and_each_fold() -> None:
    folds, made = results()
    summary = summarise(made, folds, LABELS, ("bad", "good"))
    shown = table(summary)
    assert f"HTER {summary['hter']:.4f}, 95 % interval" in shown
    assert shown.count("\n") == 7
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


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    def break_off() -> None:
        with whole_file(path) as beside:
            beside.write_text("half of i")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["file"]  # noqa: PTH208
