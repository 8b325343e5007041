"""Images that are held out: the same for every run, seen by none, judged once."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from helpers.commands import call, run, small
from imbclf.data.holdout import (
    find_holdout,
    hold_out,
    hold_out_again,
    hold_out_by_seed,
    write_holdout,
)
from imbclf.data.listing import Listing
from imbclf.errors import UserError
from imbclf.utils.run_lock import lock_run

LABELS = np.repeat([0, 1], [40, 360])


def listing(groups: bool = False) -> Listing:
    names = np.array([f"{number:03d}.png" for number in range(400)])
    belong = np.array([f"g{number // 4}" for number in range(400)]) if groups else None
    return Listing(Path("photos"), names, LABELS, belong, ("bad", "good"))


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_each_class_gives_its_share_and_nothing_is_lost(share: float) -> None:
    seen, held = hold_out(listing(), share)
    assert held is not None
    assert held.labels is not None
    assert np.bincount(held.labels).tolist() == [round(40 * share), round(360 * share)]
    assert sorted([*seen.files, *held.files]) == listing().files.tolist()
    assert held.label_names == ("bad", "good")
    again = hold_out(listing(), share)[1]
    assert again is not None
    assert again.files.tolist() == held.files.tolist()


def test_groups_stay_whole() -> None:
    seen, held = hold_out(listing(groups=True), 0.2)
    assert held is not None
    assert held.groups is not None
    assert seen.groups is not None
    assert not set(held.groups) & set(seen.groups)
    assert 60 <= len(held) <= 100


def grown(images: int, seed: int, grouped: bool) -> Listing:
    """Draw images in random order, the first ones the same whatever their number."""
    random = np.random.default_rng(seed)
    labels, owners = random.integers(0, 4, 2000) > 0, random.integers(0, 600, 2000)
    names = np.array([f"{number}.png" for number in range(2000)])
    groups = np.array([f"g{owner}" for owner in owners])
    rows = np.random.default_rng(images).permutation(images)
    belong = groups[rows] if grouped else None
    return Listing(Path("photos"), names[rows], labels[rows].astype(np.int64), belong)


@pytest.mark.parametrize("grouped", [False, True])
def test_more_images_move_few_of_the_others(grouped: bool) -> None:
    """Of a hundred images more, the share is held out, and others only at the margin."""
    for seed in range(10):
        one, more = (grown(images, seed, grouped) for images in (1500, 1501))
        before, after = (set(hold_out(listing, 0.2)[1].files) for listing in (one, more))  # type: ignore[union-attr]
        assert len(before ^ after) <= (12 if grouped else 3)
        many = set(hold_out(grown(1600, seed, grouped), 0.2)[1].files)  # type: ignore[union-attr]
        # Were they drawn anew, four of five would no longer be held out.
        assert len(before - many) <= (0.15 if grouped else 0.05) * len(before)
        assert len(before) == pytest.approx(300, abs=3)


def test_the_order_and_the_other_class_do_not_matter() -> None:
    one = grown(400, 0, grouped=False)
    turned = one.take(np.arange(400)[::-1])
    assert one.labels is not None
    without = one.take(np.flatnonzero((one.labels == 1) | (np.arange(400) % 2 == 0)))
    held = [hold_out(listing, 0.25)[1] for listing in (one, turned, without)]
    files = [{f for f, y in zip(h.files, h.labels, strict=True) if y} for h in held]  # type: ignore[union-attr, arg-type]
    assert files[0] == files[1] == files[2]


def test_a_resumed_run_keeps_the_images_that_it_held_out(tmp_path: Path) -> None:
    everything = listing()
    assert hold_out_again(everything, 0.0, tmp_path) == (everything, None)
    fresh = hold_out_again(everything, 0.1, tmp_path)[1]
    assert fresh is not None
    assert fresh.files.tolist() == hold_out(everything, 0.1)[1].files.tolist()  # type: ignore[union-attr]
    # As version 0.1 had drawn them, by a seed.
    drawn = np.sort(np.random.default_rng(0).choice(400, 40, replace=False))
    write_holdout(tmp_path, everything.take(drawn))
    rest, held = hold_out_again(everything, 0.1, tmp_path)
    assert held is not None
    assert held.files.tolist() == everything.files[drawn].tolist()
    assert rest.files.tolist() == np.delete(everything.files, drawn).tolist()


@pytest.mark.parametrize(("grouped", "expected"), [(False, "d6462119e41a"), (True, "0947aece66f6")])
def test_a_study_of_version_0_1_holds_out_what_that_version_drew(
    grouped: bool, expected: str
) -> None:
    """The digests are of the names that `hold_out` of version 0.1 gave."""
    rest, held = hold_out_by_seed(listing(groups=grouped), 0.2)
    assert hashlib.sha256(" ".join(held.files).encode()).hexdigest()[:12] == expected
    assert sorted([*rest.files, *held.files]) == listing().files.tolist()


def test_nothing_is_held_out_by_default() -> None:
    everything = listing()
    assert hold_out(everything, 0.0) == (everything, None)


def test_too_small_a_class_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.holdout=0\.2"):
        hold_out(Listing(Path("p"), np.array([*"abc"]), np.array([0, 1, 1])), 0.2)


def test_held_out_images_are_found_or_reported_missing(tmp_path: Path) -> None:
    _, held = hold_out(listing(), 0.2)
    assert held is not None
    write_holdout(tmp_path, held)
    assert find_holdout(tmp_path, listing()).files.tolist() == held.files.tolist()
    with pytest.raises(UserError, match=f"80 images are no longer there, first {held.files[0]}"):
        find_holdout(
            tmp_path, listing().take(np.flatnonzero(~np.isin(listing().files, held.files)))
        )
    turned = Listing(Path("photos"), listing().files, 1 - LABELS)
    with pytest.raises(UserError, match="80 images have another label now"):
        find_holdout(tmp_path, turned)
    with pytest.raises(UserError, match=r"data\.holdout=0\.2"):
        find_holdout(tmp_path / "none", listing())


def test_a_run_is_not_evaluated_on_its_own_images(
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = make_folder(images=40, minority=12)
    one = tmp_path / "one"
    for part in ("predictor", "fold_0"):
        (one / part).mkdir(parents=True)
    best = one / "fold_0" / "best.ckpt"
    best.touch()
    (one / "config.yaml").write_text(f"data: {{dir: {folder}}}\n")
    (one / "splits.csv").touch()
    (tmp_path / "link.ckpt").symlink_to(best)
    monkeypatch.chdir(tmp_path)
    for ckpt in ("one", "one/predictor", "one/fold_0", "one/fold_0/best.ckpt", "link.ckpt"):
        assert call("evaluate", f"ckpt={ckpt}", f"data.dir={folder}") == 2
        assert "the run was trained on these images" in capsys.readouterr().err, ckpt
    monkeypatch.chdir(one / "fold_0")
    assert call("evaluate", "ckpt=best.ckpt", f"data.dir={folder}") == 2
    assert "the run was trained on these images" in capsys.readouterr().err

    # A configuration beside a predictor may be of anything else.
    (one / "splits.csv").unlink()
    assert call("evaluate", "ckpt=../predictor", f"data.dir={folder}") == 2
    assert "expected a run directory" in capsys.readouterr().err


@pytest.mark.slow
def test_other_images_or_labels_are_refused_and_leave_a_run_as_it_was(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_folder()
    options = ("data.holdout=0.25", "trainer.max_epochs=1", "tracking=none", "hydra.run.dir=one")
    assert run("train", *small(folder, *options), cwd=tmp_path).returncode == 0
    one, labels = tmp_path / "one", folder / "label_train.txt"
    (one / "summary.json").unlink()  # as if interrupted at the very end
    held, text = (one / "holdout.csv").read_bytes(), labels.read_text()
    shutil.copy(folder / "train_img" / "000001.png", folder / "train_img" / "000000.png")
    labels.write_text(f"1\n{text}")
    refused = run("train", "resume=one", cwd=tmp_path)
    assert (refused.returncode, "no longer those" in refused.stderr) == (2, True)
    assert (one / "holdout.csv").read_bytes() == held

    (folder / "train_img" / "000000.png").unlink()
    labels.write_text(text)
    scores = one / "fold_1" / "scores.csv"
    as_it_was = scores.read_text()
    name, label, part = as_it_was.splitlines()[3].split(",")[:3]
    was, changed = (f"{name},{digit},{part}" for digit in (int(label), 1 - int(label)))
    scores.write_text(as_it_was.replace(was, changed))
    refused = run("train", "resume=one", cwd=tmp_path)
    assert (refused.returncode, f"first that of {name}" in refused.stderr) == (2, True)
    assert "the labels of 1 images have changed" in refused.stderr

    with lock_run(one):
        refused = run("train", "resume=one", cwd=tmp_path)
    assert (refused.returncode, "another process is training" in refused.stderr) == (2, True)
    scores.write_text(as_it_was)
    done = run("train", "resume=one", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (one / ".lock").exists()


@pytest.mark.slow
def test_a_run_never_trains_on_held_out_images(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_folder().rename(tmp_path / "training")
    options = ("data.holdout=0.25", "trainer.max_epochs=1", "tracking=none", "hydra.run.dir=one")
    done = run("train", *small(folder, *options), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    held = pd.read_csv(tmp_path / "one" / "holdout.csv")
    splits = pd.read_csv(tmp_path / "one" / "splits.csv")
    truth = np.loadtxt(folder / "label_train.txt", dtype=int)
    assert not set(held["file"]) & set(splits["file"])
    assert len(held) + len(splits) == len(truth)

    done = run("evaluate", "ckpt=one", "out=judged", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    judged = json.loads((tmp_path / "judged" / "evaluation.json").read_text())
    table = pd.read_csv(tmp_path / "judged" / "predictions.csv")
    assert table["file"].tolist() == held["file"].tolist()
    assert table["label"].tolist() == [truth[int(Path(name).stem) - 1] for name in table["file"]]
    expected = 1 - balanced_accuracy_score(table["label"], table["decision"])
    assert judged["hter"] == pytest.approx(expected)
    assert f"HTER {judged['hter']:.4f}" in done.stdout
    assert (table["decision"] == (table["score"] >= 0)).all()
    assert judged["looks"] == 1
    done = run("evaluate", "ckpt=one", "out=repeated", cwd=tmp_path)
    assert "This is look 1 at these images, honest" in done.stdout
    done = run("evaluate", "ckpt=one", "out=moved", "threshold=2", cwd=tmp_path)
    assert "This is look 2 at these images: " in done.stdout
    moved = json.loads((tmp_path / "moved" / "evaluation.json").read_text())
    assert moved["looks"] == 2

    refused = run("evaluate", "ckpt=one", f"data.dir={folder}", cwd=tmp_path)
    assert (refused.returncode, "was trained on these images" in refused.stderr) == (2, True)
    done = run("evaluate", "ckpt=one/fold_0/best.ckpt", "out=one_fold", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    judged_by_one = pd.read_csv(tmp_path / "one_fold" / "predictions.csv")
    assert judged_by_one["file"].tolist() == held["file"].tolist()
    other = make_folder(images=60, minority=9)
    done = run("evaluate", "ckpt=one", f"data.dir={other}", "out=other", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "other" / "evaluation.json").read_text())["images"] == 60
    refused = run("evaluate", "ckpt=one", "out=judged", cwd=tmp_path)
    assert (refused.returncode, "overwrite=true" in refused.stderr) == (2, True)
    refused = run("evaluate", "ckpt=nowhere", cwd=tmp_path)
    assert (refused.returncode, "Traceback" in refused.stderr) == (2, False)
