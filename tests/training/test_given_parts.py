"""Images that the user divided, from training to the report."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from helpers.commands import call, small
from imbclf.data.dataset import LabelledFolder
from imbclf.data.listing import Listing
from imbclf.data.reading.options import ReadingOptions
from imbclf.prediction.predictor import Predictor
from imbclf.reporting.run import Run
from imbclf.training.results import headline

Give = Callable[..., Path]
COMMON = ("trainer.max_epochs=1", "tracking=none", "cv.folds=3")


@pytest.fixture
def give(make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Give:
    """Return a data folder whose images are of the given parts, by their place."""
    monkeypatch.chdir(tmp_path)
    folder = make_folder(images=150, minority=50)
    list_files = LabelledFolder.list_files

    def give_parts(divide: Callable[[Listing], NDArray[np.str_]]) -> Path:
        def divided(self: LabelledFolder, reading: ReadingOptions | None = None) -> Listing:
            listing = list_files(self, reading)
            return replace(listing, parts=divide(listing)) if len(listing) == 150 else listing

        monkeypatch.setattr(LabelledFolder, "list_files", divided)
        return folder

    return give_parts


def every_fifth(part: str, *others: str) -> Callable[[Listing], NDArray[np.str_]]:
    return lambda _: np.array([part, *others, *[""] * (4 - len(others))] * 30)


def summary_of(run: str) -> dict[str, object]:
    stored: dict[str, object] = json.loads((Path(run) / "summary.json").read_text())
    return stored


def assert_judged(run: str, folder: Path, files: set[str]) -> None:
    """The numbers are those of the predictor's decisions on exactly these images."""
    table, test = pd.read_csv(f"{run}/test.csv"), summary_of(run)["test"]
    assert isinstance(test, dict)
    assert set(table["file"]) == files
    answer = Predictor.load(run).predict([folder / "train_img" / one for one in table["file"]])
    assert np.allclose(answer["score"], table["score"], atol=1e-5)
    truth = np.loadtxt(folder / "label_train.txt", dtype=int)
    labels = truth[[int(Path(one).stem) - 1 for one in table["file"]]]
    assert (labels == table["label"]).all()
    expected = 1 - balanced_accuracy_score(labels, table["decision"])
    assert test["hter"] == pytest.approx(expected)
    assert test["auroc"] == pytest.approx(roc_auc_score(labels, table["score"]))
    assert test["images"] == len(files)
    assert test["looks"] == 1  # however often, the decisions are the same


@pytest.mark.slow
def test_a_test_part_is_judged_once_by_the_ensemble(
    give: Give, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = give(every_fifth("test"))
    options = small(folder, *COMMON)
    assert call("train", *options, "hydra.run.dir=one", drawn=True) == 0
    out = capsys.readouterr().out
    assert "parts    as given: 120 fit, 30 test" in out
    assert out.index("out of fold          120") < out.index("given test part       30")
    splits, oof = pd.read_csv("one/splits.csv"), pd.read_csv("one/oof.csv")
    expected = {f"{number:06d}.png" for number in range(1, 151, 5)}
    for table in (splits, oof, pd.read_csv("one/images.csv")):
        assert len(table) == 120
        assert not set(table["file"]) & expected
    assert_judged("one", folder, expected)
    page = Path("one/report.html").read_text()
    assert "Given test part" in page
    assert "classified once, by all 3 fold models together" in page
    assert "given test part" in Run(Path("one"))._repr_html_()

    # An interrupted run, and folds of separate jobs, come to the same.
    before = {name: Path("one", name).read_bytes() for name in ("oof.csv", "test.csv")}
    for name in ("summary.json", "test.csv", "fold_2/result.json"):
        Path("one", name).unlink()
    assert call("train", "resume=one") == 0
    capsys.readouterr()
    assert call("train", *options, "-m", "cv.fold=0,1,2", "hydra.sweep.dir=sweep") == 0
    assert "not judged yet: 1 of 3 folds" in capsys.readouterr().out
    assert not Path("sweep/0/test.csv").exists()
    assert call("gather", "sweep") == 0
    for run in ("one", "sweep/gathered"):
        assert {name: Path(run, name).read_bytes() for name in before} == before
        assert_judged(run, folder, expected)

    capsys.readouterr()
    assert call("evaluate", "ckpt=one") == 2
    assert "has a test part, which is judged already" in capsys.readouterr().err
    assert call("train", *options, "data.holdout=0.2", "hydra.run.dir=two") == 2
    assert "data.holdout=0.2: the images have a test part" in capsys.readouterr().err


def test_the_two_results_have_metrics_of_their_own() -> None:
    rates = {"hter": 0.1, "auroc": 0.9, "images": 7, "hter_interval": [0.0, 0.2]}
    alone = headline({**rates, "parts": {"fit": [1, 2]}})
    assert alone == {
        "test/hter": 0.1,
        "test/auroc": 0.9,
        "test/hter_low": 0.0,
        "test/hter_high": 0.2,
    }
    other = {"hter": 0.3, "hter_interval": [0.2, 0.4], "class_counts": [3, 4]}
    both = headline({**rates, "test": other})
    added = {"given_test/hter": 0.3, "given_test/hter_low": 0.2, "given_test/hter_high": 0.4}
    assert both == alone | added


@pytest.mark.slow
def test_copies_of_the_training_images_are_recognized_under_another_path(
    give: Give, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = give(lambda listing: np.full(len(listing), ""))
    assert call("train", *small(folder, *COMMON), "hydra.run.dir=one") == 0
    assert "test" not in summary_of("one")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(folder, elsewhere)
    (elsewhere / "train_img" / "000150.png").unlink()
    labels = (elsewhere / "label_train.txt").read_text().splitlines()[:149]
    (elsewhere / "label_train.txt").write_text("\n".join(labels))
    capfd.readouterr()
    assert call("evaluate", "ckpt=one", f"data.dir={elsewhere}", "out=judged") == 0
    said = capfd.readouterr()
    assert "149 of these 149 images are copies of images that the run was" in said.out + said.err
    judged = json.loads(Path("judged/evaluation.json").read_text())
    assert judged["shared_with_training"] == {"copies": 149, "groups": 0}
    Path("one/images.csv").unlink()  # as in version 0.1
    assert call("evaluate", "ckpt=one", f"data.dir={elsewhere}", "out=again") == 0
    said = capfd.readouterr()
    assert "copies" not in said.out + said.err
    assert "shared_with_training" not in json.loads(Path("again/evaluation.json").read_text())


@pytest.mark.slow
def test_a_given_dev_part_is_that_of_every_fold(
    give: Give, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = give(every_fifth("dev", "test"))
    assert call("train", *small(folder, *COMMON), "hydra.run.dir=one", drawn=True) == 0
    out = capsys.readouterr().out
    assert "parts    as given: 90 fit, 30 dev, 30 test" in out
    assert "dev      the given 30 images, in every fold" in out
    splits, oof = pd.read_csv("one/splits.csv"), pd.read_csv("one/oof.csv")
    dev = {f"{number:06d}.png" for number in range(1, 151, 5)}
    for fold in range(3):
        assert set(splits["file"][splits[f"fold_{fold}"] == "dev"]) == dev
    assert len(oof) == 90
    assert not set(oof["file"]) & dev
    assert summary_of("one")["images"] == 90
    assert_judged("one", folder, {f"{number:06d}.png" for number in range(2, 151, 5)})
    page = Path("one/report.html").read_text()
    assert "chosen on the images set aside for this (dev" in page
    assert "cannot be counted" not in page


@pytest.mark.slow
def test_numbered_folds_are_kept_whatever_cv_folds_is(
    give: Give, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = give(lambda listing: np.array(["2", "5", "", "2", "5"] * 30)[: len(listing)])
    options = small(folder, *COMMON)
    assert call("train", *options, "hydra.run.dir=one", drawn=True) == 0
    out = capsys.readouterr().out
    assert "as the images are numbered (folds 0 to 1 here); cv.folds=3 has no effect" in out
    assert "the 30 images without a number are trained on in every fold" in out
    splits, summary = pd.read_csv("one/splits.csv"), summary_of("one")
    assert list(splits) == ["file", "fold_0", "fold_1"]
    assert summary["folds"] == 2
    assert summary["images"] == 120
    places = splits["file"].str[:6].astype(int) - 1
    for fold, own in ((0, (0, 3)), (1, (1, 4))):
        assert ((splits[f"fold_{fold}"] == "test") == (places % 5).isin(own)).all()
    assert (
        "The 2 folds are those that the images are numbered by"
        in Path("one/report.html").read_text()
    )

    assert call("train", *options, "-m", "cv.fold=0,1", "hydra.sweep.dir=sweep") == 0
    assert call("gather", "sweep") == 0
    assert Path("sweep/gathered/oof.csv").read_bytes() == Path("one/oof.csv").read_bytes()
    capsys.readouterr()
    assert call("train", *options, "cv.repeats=2", "hydra.run.dir=two") == 2
    assert "cv.repeats=2: the images are numbered by folds" in capsys.readouterr().err
    assert call("train", *options, "cv.fold=2", "hydra.run.dir=three") == 2
    assert "cv.fold=2: expected 0 to 1" in capsys.readouterr().err


def only_normal(listing: Listing) -> NDArray[np.str_]:
    """Return normal images to train on, as of industrial inspection; the others are divided."""
    assert listing.labels is not None
    parts = np.where(listing.labels == 1, "fit", "dev").astype("<U4")
    parts[np.flatnonzero(listing.labels == 1)[:40]] = np.repeat(["dev", "test"], 20)
    parts[np.flatnonzero(listing.labels == 0)[::2]] = "test"
    return parts


@pytest.mark.slow
@pytest.mark.parametrize(
    "head",
    [
        ("head=mahalanobis", "trainer.max_epochs=0", "loss=bce"),
        ("head=neighbors", "trainer.max_epochs=0", "loss=bce", "sampler=majority_only"),
        ("experiment=one_class", "trainer.max_epochs=1"),
    ],
)
def test_normal_images_alone_train_a_one_class_head(
    head: tuple[str, ...], give: Give, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = give(only_normal)
    options = [one for one in small(folder, "tracking=none") if "max_epochs" not in one]
    assert call("train", *options, *head, "hydra.run.dir=one", drawn=True) == 0
    out = capsys.readouterr().out
    assert "the images to train on are all of label 1, the same in every fold" in out
    splits, oof = pd.read_csv("one/splits.csv"), pd.read_csv("one/oof.csv")
    fit = splits["file"][splits["fold_0"] == "fit"]
    assert len(fit) == 60
    assert not set(fit) & set(oof["file"])
    assert len(oof) == 45
    assert "have one label, and are the same in every fold" in Path("one/report.html").read_text()
    assert isinstance(summary_of("one")["test"], dict)


def test_normal_images_alone_are_refused_where_they_do_not_suffice(
    give: Give, capsys: pytest.CaptureFixture[str]
) -> None:
    options = small(give(only_normal), *COMMON)
    assert call("train", *options, "hydra.run.dir=one") == 2
    err = capsys.readouterr().err
    assert "head=linear: the fit part has images of label 1 alone" in err
    assert "data.part=none" in err
    give(lambda listing: np.where(only_normal(listing) == "fit", "fit", "test"))
    assert call("train", *options, "hydra.run.dir=two") == 2
    assert "head=linear: the fit part has images of label 1 alone" in capsys.readouterr().err


@pytest.mark.slow
def test_without_a_dev_part_the_test_part_of_normal_and_other_images_is_divided(give: Give) -> None:
    folder = give(lambda listing: np.where(only_normal(listing) == "fit", "fit", "test"))
    options = [one for one in small(folder, "tracking=none", "cv.folds=3") if "epochs" not in one]
    head = ("head=mahalanobis", "trainer.max_epochs=0", "loss=bce")
    assert call("train", *options, *head, "hydra.run.dir=one") == 0
    splits, oof = pd.read_csv("one/splits.csv"), pd.read_csv("one/oof.csv")
    fit = set(splits["file"][splits["fold_0"] == "fit"])
    assert len(fit) == 60
    assert set(oof["file"]) == set(splits["file"]) - fit
    assert len(oof) == 90
    for fold in range(3):
        tested = oof["file"][oof["fold"] == fold]
        assert set(splits["file"][splits[f"fold_{fold}"] == "test"]) == set(tested)
    assert summary_of("one")["parts"] == {"fit": [0, 60], "test": [50, 40]}
    assert "test" not in summary_of("one")
