"""`imbclf-distill` on a real run: a predictor like any other, resumed, refused and trusted."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.metrics import balanced_accuracy_score

import imbclf
from helpers.commands import call, small
from helpers.noise_images import draw
from imbclf.errors import Interrupted
from imbclf.training.callbacks import EpochRecord

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train two folds on a few images, some of which are held out; return the run directory."""
    folder = tmp_path_factory.mktemp("distill")
    labels = np.tile([0, 1, 1], 50)
    for number, pixels in enumerate(draw(labels, 32, 0)):
        place = folder / "images" / str(labels[number])
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number}.png")
    options = [one for one in small(folder / "images") if not one.startswith("cv.folds")]
    cache = f"data.cache_dir={folder / 'cache'}"
    options += ["cv.folds=2", "data.holdout=0.3", cache, "tracking=none"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert call("train", *options, f"hydra.run.dir={folder / 'run'}") == 0
    return folder / "run"


@pytest.fixture
def run(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the run in its own working directory, without a student."""
    monkeypatch.chdir(finished.parent)
    yield finished
    shutil.rmtree(finished / "distilled", ignore_errors=True)


def test_a_student_is_a_predictor_whose_loss_is_that_of_the_decisions(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("distill", str(run), "epochs=1", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    found, out = printed["result"], run / "distilled"
    assert found["comparison"]["how"] == "holdout"
    hters = {}
    for name, address in (("ensemble", run), ("student", out)):
        assert call("evaluate", f"run={address}", f"out={run.parent / name}") == 0
        table = pd.read_csv(run.parent / name / "predictions.csv")
        hters[name] = 1 - balanced_accuracy_score(table["label"], table["decision"])
        assert found["comparison"][name]["hter"] == pytest.approx(hters[name], abs=1e-9)
    assert found["comparison"]["loss"] == pytest.approx(hters["student"] - hters["ensemble"])
    low, high = found["comparison"]["loss_interval"]
    assert low <= found["comparison"]["loss"] <= high
    cost = found["cost"]
    assert cost["student"]["bytes"] == pytest.approx(cost["ensemble"]["bytes"] / 2, rel=0.01)
    student = imbclf.load(out)
    assert len(student.fold_models) == 1
    assert student.fold_models[0].rule["threshold"] == found["threshold"]
    assert "Loss of HTER" in (out / "predictor" / "README.md").read_text()
    assert call("export", f"run={out}", f"out={run.parent / 'exported'}", "images=8") == 0
    capsys.readouterr()
    assert call("distill", str(run), "epochs=1") == 2
    assert "holds a student already" in capsys.readouterr().err


def test_an_interrupted_student_is_resumed_and_comes_out_the_same(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = imbclf.distill(run, epochs=2, out=run.parent / "whole")
    with monkeypatch.context() as patch:
        kept = EpochRecord.on_train_epoch_end

        def stop(self: EpochRecord, *arguments: object) -> None:
            kept(self, *arguments)  # type: ignore[arg-type]
            if len(self.rows) == 2:
                raise Interrupted(2)

        patch.setattr(EpochRecord, "on_train_epoch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            imbclf.distill(run, epochs=2)
    assert call("distill", str(run), "epochs=1") == 2
    assert "unfinished student of other options" in capsys.readouterr().err
    resumed = imbclf.distill(run, epochs=2)
    assert resumed["threshold"] == whole["threshold"]
    assert resumed["comparison"]["student"] == whole["comparison"]["student"]


def test_a_smaller_network_learns_from_the_fold_models(run: Path) -> None:
    network = {"_target_": "imbclf.models.build_backbone", "name": "squeezenet1_1", "weights": None}
    found = imbclf.distill(run, model=network, share=1, epochs=1)
    assert found["architecture"] == "squeezenet1_1"
    assert imbclf.load(run / "distilled").describe_models() == "1 x squeezenet1_1"


def test_a_refit_trains_the_chosen_number_of_epochs(run: Path) -> None:
    found = imbclf.distill(run, share=0)
    chosen = [row["chosen_epoch"] for row in imbclf.load_run(run).summary["per_fold"]]
    assert found["share"] == 0
    assert found["epochs"] == round(np.mean(chosen))


def test_what_cannot_be_distilled_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unfinished, foreign = tmp_path / "unfinished", tmp_path / "foreign"
    for copy in (unfinished, foreign):
        shutil.copytree(run, copy)
    (unfinished / "summary.json").unlink()
    text = (foreign / "config.yaml").read_text()
    assert "_target_: imbclf.losses" in text
    (foreign / "config.yaml").write_text(text.replace("_target_: imbclf.losses", "_target_: os"))
    for arguments, said in (
        ((str(unfinished),), "imbclf-train resume="),
        ((str(foreign),), "names code that is not imbclf's"),
        ((str(run), "share=2"), "share=2: expected"),
        ((str(run), f"out={run}"), "holds a run"),
        ((str(run), "data.dir=nowhere"), "nowhere"),
    ):
        assert call("distill", *arguments) == 2
        assert said in capsys.readouterr().err
