"""Labeled images of another folder are read by the rule that the training read its own by."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from PIL import Image

import imbclf
from helpers.commands import call
from imbclf.data.dataset import LabelledFolder
from imbclf.errors import UserError
from imbclf.evaluation.unseen_images import other_images
from imbclf.models.build import build_backbone
from imbclf.prediction.fold_model_files import save_fold_model

Make = Callable[..., Path]
RULE = {"positive": ["mel", "bcc"], "drop": "unclear"}


@pytest.fixture
def make_table(tmp_path: Path) -> Make:
    """Write images and a table of their labels."""

    def make(*labels: str) -> Path:
        folder = tmp_path / "new"
        folder.mkdir()
        rows = []
        for number, label in enumerate(labels):
            Image.new("RGB", (32, 32), (number, 90, 10)).save(folder / f"{number}.png")
            rows.append(f"{number}.png,{label}")
        (folder / "labels.csv").write_text("\n".join(["file,label", *rows]) + "\n")
        return folder

    return make


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Write what of a run directory the images of another folder are read by."""

    def make(label_names: tuple[str, str], **data: object) -> Path:
        run = tmp_path / "run"
        run.mkdir()
        config = yaml.safe_dump({"data": {"dir": str(tmp_path / "trained")} | data})
        (run / "config.yaml").write_text(config)
        backbone = build_backbone("shufflenet_v2_x0_5")
        card = {
            "architecture": dict(backbone.architecture),
            "threshold": 0.0,
            "slope": 1.0,
            "intercept": 0.0,
            "temperature": 1.0,
            "prior": 0.5,
            "image_size": [32, 32],
            "label_names": list(label_names),
        }
        save_fold_model(run / "predictor", 0, card, backbone.state_dict())
        return run

    return make


def test_the_rule_for_labels_is_that_of_the_training(make_table: Make, make_run: Make) -> None:
    run = make_run(("rest", "mel+bcc"), **RULE)
    folder = make_table("nv", "mel", "nv", "unclear", "nv")
    listing = other_images(LabelledFolder(str(folder)), run)
    assert listing.labels is not None
    assert listing.labels.tolist() == [0, 1, 0, 0]
    assert listing.label_names == ("rest", "mel+bcc")
    assert any("as in training: 'data.positive=[mel,bcc]'" in one for one in listing.account.notes)


def test_what_the_user_says_comes_first(make_table: Make, make_run: Make) -> None:
    run = make_run(("rest", "mel+bcc"), **RULE)
    folder = make_table("benign", "malignant", "unclear", "benign")
    with pytest.raises(UserError, match=r"no label is mel, bcc; the labels are benign \(2\)"):
        other_images(LabelledFolder(str(folder)), run)
    data = LabelledFolder(str(folder), label_map={"benign": 0, "malignant": 1, "unclear": 1})
    listing = other_images(data, run)
    assert listing.labels is not None
    assert listing.labels.tolist() == [0, 1, 1, 0]
    assert listing.label_names == ("benign", "malignant+unclear")


def test_without_a_rule_only_what_is_dropped_is_taken_over(
    make_table: Make, make_run: Make
) -> None:
    run = make_run(("0", "1"), drop="-1")
    folder = make_table("0", "1", "1", "-1")
    assert other_images(LabelledFolder(str(folder)), run).files.tolist() == [
        "0.png",
        "1.png",
        "2.png",
    ]


def test_the_command_and_python_judge_by_that_rule(
    make_table: Make,
    make_run: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(("rest", "mel+bcc"), **RULE)
    folder = make_table("nv", "mel", "nv", "bcc", "unclear")
    found = imbclf.evaluate(run, folder)
    assert found["class_counts"] == [2, 2]
    assert call("evaluate", f"run={run}", f"data.dir={folder}", "out=judged") == 0
    assert "labels are read as in training" in capsys.readouterr().out


def test_names_that_differ_are_explained(
    make_table: Make, make_run: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(("bad", "good"))
    folder = make_table("0", "1", "1")
    with pytest.raises(UserError, match="If 0 here is bad and 1 is good, say") as told:
        imbclf.evaluate(run, folder)
    assert "data.label_map" in str(told.value)
    data = LabelledFolder(str(folder), names=["bad", "good"], batch_size=2)
    assert imbclf.evaluate(run, data)["class_counts"] == [1, 2]


def test_another_table_of_the_same_folder_may_name_images_that_were_not_trained_on(
    make_table: Make, make_run: Make
) -> None:
    folder = make_table("0", "1", "0", "1", "0")
    run = make_run(("0", "1"), dir=str(folder))
    (folder / "test.csv").write_text("file,label\n3.png,1\n4.png,0\n")
    new, both = (LabelledFolder(str(folder), labels=name) for name in ("test.csv", "labels.csv"))
    with pytest.raises(UserError, match="was trained on these images, and"):
        other_images(new, run)  # unless it is known on which
    (run / "images.csv").write_text("file,label,digest\n0.png,0,a\n1.png,1,b\n2.png,0,c\n")
    assert other_images(new, run).files.tolist() == ["3.png", "4.png"]
    with pytest.raises(UserError, match=r"was trained on these images \(3 of 5\), and would"):
        other_images(both, run)


def test_columns_are_those_of_the_training_where_a_table_has_them(
    make_table: Make, make_run: Make
) -> None:
    folder = make_table("0", "1", "0")
    run = make_run(("0", "1"), label="dx", group="site")
    rows = ["file,label,dx,site", "0.png,1,0,a", "1.png,1,1,b", "2.png,1,0,a"]
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    listing = other_images(LabelledFolder(str(folder)), run)
    assert listing.labels is not None
    assert listing.groups is not None
    assert (listing.labels.tolist(), listing.groups.tolist()) == ([0, 1, 0], ["a", "b", "a"])
    said = LabelledFolder(str(folder), label="label", positive=[1], names=["0", "1"], group="none")
    with pytest.raises(UserError, match="label"):  # only 1 is there: what is said comes first
        other_images(said, run)
    (folder / "labels.csv").write_text("file,label\n0.png,0\n1.png,1\n2.png,0\n")
    assert other_images(LabelledFolder(str(folder)), run).labels.tolist() == [0, 1, 0]  # type: ignore[union-attr]
