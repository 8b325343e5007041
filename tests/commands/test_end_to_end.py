"""The commands as users run them: from a shell, in an empty directory."""

import csv
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from helpers.commands import run, small, started
from helpers.noise_images import write_folder
from imbclf.evaluation.operating_scores import cross_fitted_table
from imbclf.metrics.operating_points import threshold_for_far
from imbclf.metrics.thresholds import choose_threshold


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a folder with images, `faces`, and a run, `one`; and what the run printed."""
    folder = tmp_path_factory.mktemp("trained")
    options = small(write_folder(folder / "faces"), "hydra.run.dir=one", "tracking=mlflow")
    done = run("train", *options, cwd=folder, drawn=True)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.mark.slow
def test_the_same_command_trains_the_same(trained: tuple[Path, str], tmp_path: Path) -> None:
    again = small(trained[0] / "faces", "seed=0", "hydra.run.dir=again", "tracking=none")
    assert run("train", *again, cwd=tmp_path).returncode == 0
    oof = (trained[0] / "one" / "oof.csv").read_bytes()
    assert oof == (tmp_path / "again" / "oof.csv").read_bytes()


@pytest.mark.slow
def test_train_then_predict(trained: tuple[Path, str], tmp_path: Path) -> None:
    folder, printed = trained[0] / "faces", trained[1]
    shutil.copytree(trained[0] / "one", tmp_path / "one")

    found = {path.name for path in (tmp_path / "one").iterdir()}
    pages = {"loss.png", "hter.png", "roc.png", "det.png", "report.html", "suspects.csv"}
    assert found >= {"config.yaml", "splits.csv", "oof.csv", "summary.json", "predictor"} | pages
    assert {path.name for path in (tmp_path / "one" / "fold_1").iterdir()} == {
        "best.ckpt",
        "metrics.csv",
        "result.json",
        "scores.csv",
    }

    table = pd.read_csv(tmp_path / "one" / "oof.csv")
    summary = json.loads((tmp_path / "one" / "summary.json").read_text())
    labels = np.loadtxt(folder / "label_train.txt", dtype=int)
    assert table["file"].tolist() == [f"{number:06d}.png" for number in range(1, 121)]
    assert table["label"].tolist() == labels.tolist()
    wrong = table["decision"] != table["label"]
    rates = [wrong[table["label"] == label].mean() for label in (0, 1)]
    assert summary["hter"] == pytest.approx(np.mean(rates))
    each = [roc_auc_score(own["label"], own["score"]) for _, own in table.groupby("fold")]
    assert summary["auroc"] == pytest.approx(np.mean(each))
    assert {"hter", "hter_interval", "far", "frr", "pieces"} <= {*summary["cross_fitted"]}
    assert "Warning: Only " in printed
    assert f"HTER {summary['hter']:.4f}" in printed

    done = run("predict", "ckpt=one", f"data.dir={folder / 'val_img'}", "out=labels", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "labels" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [f"{number:06d}.png" for number in range(1, 16)]
    lines = (tmp_path / "labels" / "labels.txt").read_text().splitlines()
    assert lines == [row["label"] for row in rows]
    assert lines == [str(int(float(row["score"]) >= 0)) for row in rows]

    # The predictor's thresholds are those of all scores that a fold was not fitted on.
    stored = json.loads((tmp_path / "one" / "predictor" / "predictor.json").read_text())
    for fold, member in enumerate(stored["members"]):
        scores = pd.read_csv(tmp_path / "one" / f"fold_{fold}" / "scores.csv")
        assert set(scores["part"]) == {"dev", "test"}
        expected = choose_threshold(scores["logit"], scores["label"], "smoothed")
        assert member["threshold"] == pytest.approx(expected)
        dev = scores[scores["part"] == "dev"]
        chosen = choose_threshold(dev["logit"], dev["label"], "smoothed")
        assert summary["thresholds"][fold] == pytest.approx(chosen, abs=1e-4)

    arguments = (f"data.dir={folder / 'val_img'}", "calibration=platt", "prior=0.5")
    done = run("predict", "ckpt=one", *arguments, "out=shifted", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    shifted = pd.read_csv(tmp_path / "shifted" / "predictions.csv")
    assert shifted["label"].tolist() == [int(line) for line in lines]
    assert (shifted["p_1"] != [float(row["p_1"]) for row in rows]).all()
    done = run("predict", "ckpt=one", arguments[0], "prior=2", "out=wrong", cwd=tmp_path)
    assert (done.returncode, "prior=2" in done.stderr) == (2, True)

    done = run("predict", "ckpt=one", arguments[0], "max_far=.05", "out=moved", cwd=tmp_path)
    assert (done.returncode, "takes at least 59 images" in done.stderr) == (2, True)
    aim = ("max_far=0.1", "confidence=null")
    done = run("predict", "ckpt=one", arguments[0], *aim, "out=moved", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    moved = pd.read_csv(tmp_path / "moved" / "predictions.csv")
    fitted = cross_fitted_table(tmp_path / "one")
    threshold = threshold_for_far(fitted["score"], fitted["label"], 0.1)
    assert moved["label"].tolist() == (moved["score"] >= threshold).astype(int).tolist()
    assert f"{threshold:.4f}" in done.stdout

    # One fold's checkpoint scores an image as training scored it.
    arguments = ("ckpt=one/fold_0/best.ckpt", f"data.dir={folder / 'train_img'}", "out=fold")
    done = run("predict", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    alone = pd.read_csv(tmp_path / "fold" / "predictions.csv")
    own = table["fold"] == 0
    np.testing.assert_allclose(alone["score"][own], table["score"][own], atol=2e-2)

    again = run("predict", *arguments, cwd=tmp_path)
    assert again.returncode == 2
    assert "overwrite=true" in again.stderr


@pytest.mark.slow
def test_a_fold_alone_is_the_fold_of_the_whole_run(
    trained: tuple[Path, str], tmp_path: Path
) -> None:
    options = ("cv.fold=1", "hydra.run.dir=alone", "tracking=none")
    done = run("train", *small(trained[0] / "faces", *options), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    whole, alone = (
        pd.read_csv(path / "oof.csv") for path in (trained[0] / "one", tmp_path / "alone")
    )
    expected = whole[whole["fold"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(expected, alone)


@pytest.mark.slow
def test_the_speed_counts_the_images_seen(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    few = ("data.batch_size=8", "trainer.limit_train_batches=2", "trainer.max_epochs=3")
    arguments = small(make_folder(), *few, "cv.fold=0", "hydra.run.dir=run", "tracking=none")
    assert run("train", *arguments, cwd=tmp_path).returncode == 0
    (fold,) = json.loads((tmp_path / "run" / "summary.json").read_text())["per_fold"]
    assert round(fold["images_per_second"] * fold["seconds"]) == 8 * 2 * 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stop", "sampler"), [(signal.SIGINT, "progressive"), (signal.SIGTERM, "hard")]
)
def test_an_interrupted_run_is_usable_and_resumes_to_the_same_result(
    make_folder: Callable[..., Path], tmp_path: Path, stop: signal.Signals, sampler: str
) -> None:
    folder = make_folder()
    # A sampler that learns from losses of images cannot learn where all are mixed.
    changed = ("augment.shift=2",) if sampler == "hard" else ("augment.mixup=0.2",)
    averaged = ("augment.zoom=0.6", "optim.ema=0.9")
    longer = ("trainer.max_epochs=4", "tracking=none", f"sampler={sampler}", *changed, *averaged)
    arguments = small(folder, *longer)
    assert run("train", *arguments, "hydra.run.dir=whole", cwd=tmp_path).returncode == 0
    process = started("train", *arguments, "hydra.run.dir=interrupted", cwd=tmp_path)
    metrics = tmp_path / "interrupted" / "fold_1" / "metrics.csv"
    while process.poll() is None and not metrics.exists():
        time.sleep(0.02)
    os.kill(process.pid, stop)
    stopped = process.finish(kill_after=20)
    assert stopped.returncode == 128 + stop
    assert "imbclf-train resume=interrupted" in stopped.stdout
    assert "Traceback" not in stopped.stderr
    assert not (tmp_path / "interrupted" / "summary.json").exists()

    images = f"data.dir={folder / 'val_img'}"
    assert run("predict", "ckpt=interrupted", images, "out=early", cwd=tmp_path).returncode == 0
    done = run("train", "resume=interrupted", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "fold 0   finished before" in done.stdout
    result = json.loads((metrics.parent / "result.json").read_text())
    epochs = pd.read_csv(metrics)["seconds"]
    assert 0.9 * result["seconds"] - 5 < epochs.sum() < result["seconds"]
    for name in ("oof.csv", "predictor/predictor.json", "predictor/fold_1.safetensors"):
        whole, resumed = ((tmp_path / r / name).read_bytes() for r in ("whole", "interrupted"))
        assert whole == resumed, name
    done = run("train", "resume=interrupted", cwd=tmp_path)
    assert done.returncode == 2
    assert "finished" in done.stderr


@pytest.mark.slow
def test_a_sweep_ends_with_a_comparison_and_survives_a_failing_job(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    arguments = small(
        make_folder(),
        "trainer.max_epochs=1",
        "tracking=none",
        "hydra.sweep.dir=sweep",
        "-m",
        "optim.optimizer.momentum=-1,0.9,0.5",
        "optim=sgd",
    )
    done = run("train", *arguments, cwd=tmp_path)
    assert done.returncode != 0
    assert "failed   job 1 of 3: optim.optimizer.momentum=-1: " in done.stdout
    assert "momentum" in done.stdout + done.stderr
    table = pd.read_csv(tmp_path / "sweep" / "comparison.csv")
    assert set(table["run"]) == {
        "1 optim.optimizer.momentum=0.9",
        "2 optim.optimizer.momentum=0.5",
    }
    for job in ("1", "2"):
        summary = json.loads((tmp_path / "sweep" / job / "summary.json").read_text())
        row = table[table["run"].str.startswith(job)].iloc[0]
        assert row["hter"] == pytest.approx(summary["hter"])


@pytest.mark.slow
def test_mistakes_end_with_one_message(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = make_folder(images=40, minority=4)
    cases = {
        ("data=folder",): "data.dir is needed",
        tuple(small(folder, "cv.folds=9")): "cv.folds",
        tuple(small(folder, "cv.folds=1")): "cv.folds",
        tuple(
            small(folder, "data.batch_size=8", "sampler=hard", "sampler.bound=.5")
        ): "sampler.bound",
        tuple(small(folder, "cv.folds=3", "experiment=crt")): "cv.start_from=RUN_DIR",
        tuple(small(folder, "model.name=resnet19")): "resnet18",
        tuple(small(folder / "nowhere")): "nowhere",
        tuple(small(folder, "trainer.accelerator=tpux")): "accelerator",
        tuple(small(folder, "-m", "optim.lrr=1,2")): "did you mean optim.lr?",
        ("resume=nothing",): "config.yaml",
    }
    for arguments, expected in cases.items():
        done = run("train", *arguments, cwd=tmp_path)
        assert done.returncode == 2, (arguments, done.stderr)
        assert expected in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "outputs" / "cache").exists(), "an image was decoded"
    done = run("predict", "ckpt=nothing", f"data.dir={folder}", cwd=tmp_path)
    assert done.returncode == 2
    assert "run directory" in done.stderr


def test_resume_calls_nothing_that_an_untrusted_configuration_names(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_folder(images=40, minority=4)
    composed = run("train", *small(folder), "--cfg", "job", "--resolve", cwd=tmp_path)
    config = tmp_path / "run" / "config.yaml"
    config.parent.mkdir()
    config.write_text(composed.stdout)
    for target in (
        "os.system",
        "imbclf.losses.torch.hub.load",
        "torch.nn.modules.os.system",
        "imbclf.data.demo.write.write_text",
        "imbclf.data.dataset.Path",
    ):
        text = config.read_text().replace("imbclf.losses.WeightedBCE", target)
        assert target in text
        untrusted = tmp_path / "untrusted"
        untrusted.mkdir(exist_ok=True)
        (untrusted / "config.yaml").write_text(text)
        done = run("train", "resume=untrusted", cwd=tmp_path)
        assert done.returncode == 2
        assert f"loss._target_={target}" in done.stderr
