"""The report of a run: its numbers by another way, its pictures, what it does without them."""

import json
import logging
import re
import shutil
from base64 import b64decode
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir
from numpy.typing import NDArray
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    roc_auc_score,
    roc_curve,
)

from helpers.written_runs import CPU, IMAGES, NAMES, SIDE, write_images, write_run
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.report import task
from imbclf.data.listing import Listing
from imbclf.errors import UserError
from imbclf.evaluation.operating_scores import cross_fitted_table
from imbclf.evaluation.run_images import from_memory, from_run
from imbclf.evaluation.summary import pooled_report
from imbclf.evaluation.training_chance import training_chance_text
from imbclf.metrics.clustered_intervals import clustered_hter_interval
from imbclf.metrics.intervals import wilson_interval
from imbclf.metrics.label_issues import find_label_issues
from imbclf.models.build import build_backbone
from imbclf.models.saliency import smooth_gradients
from imbclf.prediction.fold_model_files import load_fold
from imbclf.reporting.run_report import heat_maps, write_report
from imbclf.reporting.run_report.image_selection import (
    most_confident_errors,
    nearest_to_threshold,
    typical_right,
)
from imbclf.reporting.run_report.read import read_run_data
from imbclf.reporting.run_report.run_data import by_image
from imbclf.reporting.run_report.text import meaning, origin, predictor_text, rate, suspects_text
from imbclf.reporting.run_report.view import detailed
from imbclf.training.recipe import Recipe
from imbclf.training.results import write_report_or_warn


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray[np.uint8]]:
    """A run directory with its report, and the pixels of its images."""
    folder = tmp_path_factory.mktemp("report")
    pixels = write_images(folder / "photos")
    write_run(folder / "run", folder / "photos")
    write_report(folder / "run", from_run(folder / "run", None), CPU)
    return folder / "run", pixels


def tables(html: str) -> list[list[list[str]]]:
    """Return the `data-value` of each cell of each row of each table that sorts."""
    return [
        [re.findall(r'data-value="([^"]*)"', row) for row in re.findall(r"<tr>(.*?)</tr>", body)]
        for body in re.findall(r'class="sortable">.*?<tbody>(.*?)</tbody>', html, re.DOTALL)
    ]


def numbers(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> dict[str, float]:
    """Ten lines of scikit-learn on columns of oof.csv."""
    decisions = (scores >= 0).astype(int)
    (true0, false1), (false0, true1) = confusion_matrix(labels, decisions)
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    gap, sums = np.abs(fpr - (1 - tpr)), (fpr + 1 - tpr) / 2
    return {
        "hter": 1 - balanced_accuracy_score(labels, decisions),
        "far": false1 / (true0 + false1),
        "frr": false0 / (true1 + false0),
        "auroc": roc_auc_score(labels, scores),
        "ap": average_precision_score(labels, scores),
        "eer": sums[np.isclose(gap, gap.min())].mean(),
        "min": sums.min(),
        "ap of 0": average_precision_score(1 - labels, -scores),
    }


def fold_mean(oof: pd.DataFrame, name: str) -> float:
    """Return the mean over folds of one of the `numbers`."""
    parts = [own for _, own in oof.groupby("fold")]
    return float(
        np.mean([numbers(own["label"].to_numpy(), own["score"].to_numpy())[name] for own in parts])
    )


def least(own: pd.DataFrame, n0: int, n1: int) -> float:
    """Return the least that one fold can add to the HTER of all decisions."""
    zeros, ones = (own.loc[own["label"] == label, "score"].to_numpy() for label in (0, 1))
    cuts = [-np.inf, *own["score"], np.inf]
    return min(float((zeros >= t).sum() / n0 + (ones < t).sum() / n1) / 2 for t in cuts)


def platt(run: Path, oof: pd.DataFrame) -> NDArray[np.float64]:
    """Platt's calibration as a weighted logistic regression on images of both labels at once."""
    probabilities = np.zeros(len(oof))
    for fold in oof["fold"].unique():
        folder = run / f"fold_{fold}"
        threshold = json.loads((folder / "result.json").read_text())["threshold"]
        dev = pd.read_csv(folder / "scores.csv").query("part == 'dev'")
        n0, n1 = (dev["label"] == 0).sum(), (dev["label"] == 1).sum()
        one = np.where(dev["label"] == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
        logits = dev[["logit"]].to_numpy()
        model = LogisticRegression(C=1e12, tol=1e-10, max_iter=1000).fit(
            np.concatenate([logits, logits]),
            np.repeat([1, 0], len(dev)),
            sample_weight=np.concatenate([one, 1 - one]),
        )
        own = oof["fold"] == fold
        logits = oof.loc[own, ["score"]].to_numpy() + threshold
        probabilities[own] = model.predict_proba(logits)[:, 1]
    return probabilities


def test_every_number_comes_from_the_scores(
    reported: tuple[Path, NDArray[np.uint8]],
) -> None:
    run, _ = reported
    html = (run / "report.html").read_text().replace("\N{NO-BREAK SPACE}", " ")
    oof = pd.read_csv(run / "oof.csv")
    thresholds, referred, measures, folds, counts = tables(html)
    labels, scores = oof["label"].to_numpy(), oof["score"].to_numpy()
    expected = numbers(labels, scores)
    n0, n1 = (labels == 0).sum(), (labels == 1).sum()
    of_far, of_frr = wilson_interval(expected["far"], n0), wilson_interval(expected["frr"], n1)
    auroc, ap, ap0 = (fold_mean(oof, name) for name in ("auroc", "ap", "ap of 0"))
    expected |= {"auroc": auroc, "ap": ap, "ap of 0": ap0, "eer": fold_mean(oof, "eer")}
    expected["min"] = sum(least(own, n0, n1) for _, own in oof.groupby("fold"))
    below, above = (
        np.hypot(expected["far"] - of_far[side], expected["frr"] - of_frr[side]) for side in (0, 1)
    )
    low, high = expected["hter"] - below / 2, expected["hter"] + above / 2
    tiles = re.findall(r'class="value">(.*?)</p>\s*<p class="interval">95 %: (.*?)</p>', html)
    assert tiles[0] == (
        f"{100 * expected['hter']:.1f} %",
        f"{100 * low:.1f} to {100 * high:.1f} %",
    )

    probabilities = platt(run, oof)
    bins = np.minimum((15 * probabilities).astype(int), 14)
    grouped = pd.DataFrame({"bin": bins, "p": probabilities, "y": labels}).groupby("bin")
    error = (grouped["p"].sum() - grouped["y"].sum()).abs().sum() / len(oof)
    order = (
        "hter",
        "far",
        "frr",
        "sensitivity",
        "specificity",
        "balanced",
        "ppv",
        "npv",
        "f1",
        "auroc",
        "ap of 0",
        "ap",
        "brier",
        "ece",
        "eer",
        "min",
    )
    rare = int(n1 < n0)
    found, decided = labels == rare, (scores >= 0).astype(int) == rare
    expected["sensitivity"], expected["specificity"] = (
        decided[found].mean(),
        (~decided[~found]).mean(),
    )
    expected["balanced"] = 1 - expected["hter"]
    expected["f1"] = f1_score(found, decided)
    expected["ppv"], expected["npv"] = found[decided].mean(), (~found[~decided]).mean()
    expected["ece"] = error
    expected["brier"] = brier_score_loss(labels, probabilities)
    assert [float(row[1]) for row in measures] == pytest.approx(
        [expected[name] for name in order], abs=1e-5
    )
    assert [row[0] for row in measures if row[3] == "oracle"] == [
        "EER, mean over folds",
        "min-HTER",
    ]
    shown = {row[0]: tuple(map(float, row[2].split(" to "))) for row in measures if row[2]}
    assert shown["HTER"] == pytest.approx((low, high), abs=1e-4)
    assert shown["FAR"] == pytest.approx(of_far, abs=1e-4)
    assert shown["FRR"] == pytest.approx(of_frr, abs=1e-4)
    assert shown["AUROC"][0] < auroc < shown["AUROC"][1]

    matrix = confusion_matrix(labels, oof["decision"])  # label 0 is the rare one, and shown first
    counts_shown = re.findall(r'data-cell="(\d\d)">(\d+)<', html)[:4]
    assert [int(count) for _, count in counts_shown] == matrix.ravel().tolist()
    assert tiles[1][0] == f"{100 * (1 - expected['far']):.1f} %"
    assert tiles[2][0] == f"{100 * (1 - expected['frr']):.1f} %"
    assert tiles[3][0] == f"{auroc:.3f}"
    for wanted, *rates in thresholds:
        name, least_rate = wanted.rstrip(" %").split(" ≥ ")
        assert float(rates[name == "specificity"].rstrip(" %")) >= float(least_rate) - 0.05

    fitted = cross_fitted_table(run)
    truth, right = fitted["label"].to_numpy(), (fitted["score"] >= 0) == (fitted["label"] == 1)
    doubt = np.argsort(np.abs(fitted["score"].to_numpy()), kind="stable")
    for share, rest in ((0.05, referred[0]), (0.3, referred[3])):
        kept = doubt[round(share * len(scores)) :]
        far, frr = (right.to_numpy()[kept][truth[kept] == label].mean() for label in (0, 1))
        assert rest[:2] == [f"{100 * share:.1f} %", f"{100 * (2 - far - frr) / 2:.2f} %"]

    assert [int(row[0]) for row in folds] == [0, 1, 2]
    for row in folds:
        own = oof[oof["fold"] == int(row[0])]
        stored = json.loads((run / f"fold_{row[0]}" / "result.json").read_text())
        assert [int(row[1]), int(row[2])] == [len(own), stored["chosen_epoch"]]
        assert [float(row[3]), float(row[11])] == [stored["threshold"], round(stored["seconds"])]
        alone = numbers(own["label"].to_numpy(), own["score"].to_numpy())
        keys = ("hter", "far", "frr", "auroc", "ap", "eer", "min")
        assert [float(cell) for cell in row[4:11]] == pytest.approx([alone[key] for key in keys])

    splits = pd.read_csv(run / "splits.csv").merge(oof, on="file")
    seen = pd.concat([pd.crosstab(splits["label"], splits[f"fold_{k}"]) for k in range(3)])
    assert [[int(cell) for cell in row[2:]] for row in counts] == (
        seen[["fit", "dev", "test"]].to_numpy().tolist()
    )


def test_suspects_are_listed_for_somebody_to_relabel(
    reported: tuple[Path, NDArray[np.uint8]],
) -> None:
    run, _ = reported
    oof = pd.read_csv(run / "oof.csv").assign(probability=platt(run, pd.read_csv(run / "oof.csv")))
    table = pd.read_csv(run / "suspects.csv").merge(oof, on="file")
    assert len(table) >= 3
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    given = table["label"].to_numpy()
    assert table["given_label"].tolist() == [NAMES[label] for label in given]
    assert table["suggested_label"].tolist() == [NAMES[1 - label] for label in given]
    own = np.where(given == 1, table["probability"], 1 - table["probability"])
    np.testing.assert_allclose(table["probability_of_given"], own, atol=1e-5)
    assert (np.diff(own) > -1e-5).all()


def pictures(html: str) -> list[tuple[int, str, str, str, NDArray[np.uint8]]]:
    """Return number, label, decision, probability of bad and pixels of each image shown."""
    found = re.findall(
        r'png;base64,([^"]+)" alt="(\d+).png: labeled (.+?), decided (.+?), P (\S+) %', html
    )
    return [
        (int(number), label, decision, chance, np.asarray(Image.open(BytesIO(b64decode(encoded)))))
        for encoded, number, label, decision, chance in found
    ]


def test_images_are_shown_once_with_file_label_decision_and_probability(
    reported: tuple[Path, NDArray[np.uint8]],
) -> None:
    run, pixels = reported
    oof = pd.read_csv(run / "oof.csv")
    names = ("bad &amp; &lt;small&gt;", "good")
    chances = platt(run, oof)
    shown = pictures((run / "report.html").read_text())
    numbers_shown = [number for number, *_ in shown]
    assert len(set(numbers_shown)) == len(numbers_shown) > 40
    place = {int(file.split(".")[0]): row for row, file in enumerate(oof["file"])}
    for number, label, decision, chance, image in shown:
        row = place[number]
        assert np.array_equal(image, pixels[number])
        assert label == names[oof["label"][row]]
        assert decision == names[oof["decision"][row]]
        assert float(chance) == pytest.approx(100 * (1 - chances[row]), abs=0.06)
    wrong = oof[oof["label"] != oof["decision"]]
    errors = sum(label != decision for _, label, decision, *_ in shown)
    assert errors >= sum(min((wrong["label"] == label).sum(), 16) for label in (0, 1)) > 3
    assert len(shown) - errors >= 16  # right decisions are shown, too


def test_each_image_is_looked_into_by_the_model_that_did_not_see_it(
    reported: tuple[Path, NDArray[np.uint8]],
) -> None:
    run, pixels = reported
    html = (run / "report.html").read_text()
    fold_of = pd.read_csv(run / "oof.csv").set_index("file")["fold"]
    heat = {
        number: np.asarray(Image.open(BytesIO(b64decode(encoded))))
        for encoded, number in re.findall(
            r'png;base64,([^"]+)" alt="where the model looks in (\d+).png"', html
        )
    }
    assert len(heat) > 12
    for fold in range(3):
        own = [number for number in heat if fold_of[f"{number}.png"] == fold]
        torch.manual_seed(fold)
        backbone = build_backbone("shufflenet_v2_x0_5")
        maps = smooth_gradients(backbone, pixels[[int(number) for number in own]], CPU)
        for number, expected in zip(own, maps, strict=True):
            assert np.abs(heat[number][..., 3] - 255 * 0.85 * expected).max() <= 2


def test_large_images_are_shown_in_their_own_shape_and_others_as_they_are_seen(
    reported: tuple[Path, NDArray[np.uint8]], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(reported[0], run)
    photos = tmp_path / "photos"
    (photos / "train_img").mkdir(parents=True)
    for number in range(IMAGES):
        Image.new("RGB", (1200, 300), (number, 0, 0)).save(photos / "train_img" / f"{number}.png")
    shutil.copy(reported[0].parent / "photos" / "label_train.txt", photos)
    config = json.loads((run / "config.yaml").read_text())
    config["data"]["dir"] = str(photos)
    (run / "config.yaml").write_text(json.dumps(config))
    seen = np.zeros((2, SIDE, SIDE, 3), np.uint8)
    shown = detailed(run, ["7.png", "gone.png"], seen)
    assert [image.shape for image in shown] == [(150, 600, 3), (SIDE, SIDE, 3)]
    assert abs(int(shown[0][75, 300, 0]) - 7) <= 1
    shutil.rmtree(photos)
    assert [image.shape for image in detailed(run, ["7.png"], seen[:1])] == [(SIDE, SIDE, 3)]


@pytest.mark.slow
def test_the_same_run_gives_the_same_page(reported: tuple[Path, NDArray[np.uint8]]) -> None:
    run, pixels = reported
    before = (run / "report.html").read_bytes()
    files = np.array([f"{number}.png" for number in range(IMAGES)])
    write_report(run, from_memory(files, pixels), CPU)
    assert (run / "report.html").read_bytes() == before


def test_a_page_opens_without_network_and_every_picture_has_a_text(
    reported: tuple[Path, NDArray[np.uint8]],
) -> None:
    html = (reported[0] / "report.html").read_text()
    assert not re.search(r'(src|href)="(?!data:|#)', html)
    assert not re.search(r"https?://", html.replace("http://www.w3.org", ""))
    images = re.findall(r"<img [^>]*>", html)
    assert len(images) > 50
    assert all(re.search(r'alt="[^"]{5,}"', image) for image in images)
    assert "bad & <small>" not in html


def test_without_images_or_with_folds_left_out_the_rest_is_written(tmp_path: Path) -> None:
    run, folder = tmp_path / "run", tmp_path / "photos"
    folder.mkdir()
    write_run(run, folder, trained=(1,))
    write_report(run, from_run(run, None), CPU)
    html = (run / "report.html").read_text()
    assert "There are no images in this report" in html
    assert "For 1 of them" in html
    assert "parts cannot be counted" in html
    assert len(tables(html)) == 4  # other thresholds, referring, all numbers, folds
    assert "data:image/png" not in html
    assert html.count("data:image/svg") == 11


@pytest.mark.slow
def test_over_repeated_folds_an_image_is_shown_once(tmp_path: Path) -> None:
    write_images(tmp_path / "photos")
    write_run(tmp_path / "run", tmp_path / "photos", trained=tuple(range(6)), repeats=2)
    data = read_run_data(tmp_path / "run")
    once = by_image(data)
    assert len(data.files) == 2 * len(once.files) == 2 * IMAGES
    place = once.files.tolist().index("17.png")
    own = data.files == "17.png"
    assert once.log_odds[place] == pytest.approx(data.log_odds[own].mean())
    assert once.margins[place] == pytest.approx(data.margins[own].mean())
    assert once.scores[place] == data.scores[own][0]
    write_report(tmp_path / "run", from_run(tmp_path / "run", None), CPU)
    suspects = pd.read_csv(tmp_path / "run" / "suspects.csv")
    assert suspects["file"].is_unique
    html = (tmp_path / "run" / "report.html").read_text()
    assert "divided into 3 folds, 2 times over" in html
    assert "Each image was tested 2 times; the counts are means over these." in html
    counts = [float(count) for count in re.findall(r'data-cell="\d\d">([\d.]+)<', html)[:4]]
    labels = data.labels
    decided = [
        np.sum((labels == one) & (data.decisions == two)) for one in (0, 1) for two in (0, 1)
    ]
    assert counts == [count / 2 for count in decided]
    assert sum(counts) == IMAGES


def test_the_text_says_which_interval_is_reported_of_images_in_groups(
    reported: tuple[Path, NDArray[np.uint8]],
) -> None:
    data = read_run_data(reported[0])
    groups = np.arange(len(data.files)) // 3
    report = pooled_report(data.scores, data.labels, data.names, groups)
    low, high = clustered_hter_interval(data.scores >= 0, data.labels, groups)
    assert report["hter_interval"] == [low, high] != report["hter_interval_bootstrap"]
    grouped = meaning(replace(data, summary={**data.summary, **report, "by_group": True}))
    *_, bounds, closed_form, bootstrap, chance = grouped.split(". ")
    assert chance == f"{training_chance_text(data.summary['training_chance'])}."
    assert f"The interval, {rate(low)} to {rate(high)}," in bounds
    assert "the interval is a closed form for clustered images" in closed_form
    assert bootstrap.startswith("For comparison, summary.json has the interval of a bootstrap of ")
    assert grouped.count("bootstrap") == bootstrap.count("bootstrap") > 0
    untold = {name: value for name, value in data.summary.items() if name != "training_chance"}
    alone = meaning(replace(data, summary=untold))
    assert alone.endswith("It assumes that the images are independent of each other.")
    assert "bootstrap" not in alone
    assert "closed form" not in alone


def test_the_text_tells_the_predictor_from_the_models_that_were_tested(
    reported: tuple[Path, NDArray[np.uint8]],
) -> None:
    data = read_run_data(reported[0])
    assert "cross-fitted" not in predictor_text(data)
    errors = {"hter": 0.1234, "hter_interval": [0.1, 0.15], "pieces": 5}
    text = predictor_text(replace(data, summary={**data.summary, "cross_fitted": errors}))
    assert "the cross-fitted HTER, 12.34 % (10.00 % to 15.00 %)" in text
    assert "on average" in meaning(data)
    assert "Warning: Only 3 images of label bad" in (reported[0] / "report.html").read_text()


def test_labels_are_not_doubted_by_models_that_know_nothing(
    reported: tuple[Path, NDArray[np.uint8]],
) -> None:
    data = by_image(read_run_data(reported[0]))
    issues = find_label_issues(data.probabilities, data.labels)
    text = suspects_text(data, issues)
    assert text.startswith(f"{len(issues.rows)} of {IMAGES} labels are doubted")
    assert "would be doubted if all labels were right" in text
    for interval in ([0.45, 0.6], [None, None]):
        guessing = replace(data, summary={**data.summary, "auroc_interval": interval})
        assert "no use" in suspects_text(guessing, issues)


def test_the_text_warns_of_a_choice_among_runs(
    reported: tuple[Path, NDArray[np.uint8]],
) -> None:
    text = origin(read_run_data(reported[0]))
    assert "picked as the best of several, its HTER is too optimistic" in text
    assert "For each fold a model was trained" in text


def test_a_network_that_cannot_be_looked_into_costs_that_section_only(
    reported: tuple[Path, NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no gradient")

    run, _ = reported
    before = (run / "report.html").read_bytes()
    monkeypatch.setattr(heat_maps, "smooth_gradients", fail)
    write_report(run, from_run(run, None), CPU)
    html = (run / "report.html").read_text()
    assert "could not be computed for this network: no gradient" in html
    assert 'id="heat"' not in html
    assert len(pictures(html)) > 40
    (run / "report.html").write_bytes(before)


def test_no_failing_report_loses_a_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("imbclf"), "propagate", True)

    pixels = np.zeros((1, 2, 2, 3), np.uint8)
    listing = Listing(tmp_path, np.array(["a"]))
    parts = SimpleNamespace(device=CPU)
    recipe = Recipe(parts, listing, pixels, pixels)  # type: ignore[arg-type]
    write_report_or_warn(recipe, tmp_path)
    assert "No report was written" in caplog.text
    assert f"imbclf-report run={tmp_path}" in caplog.text


@pytest.mark.slow
def test_the_command_writes_the_report_again(
    reported: tuple[Path, NDArray[np.uint8]], tmp_path: Path
) -> None:
    run, _ = reported
    before = (run / "report.html").read_bytes()
    (run / "report.html").unlink()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        task(compose("report", [f"run='{run}'", "accelerator=cpu"]))
        assert (run / "report.html").read_bytes() == before
        with pytest.raises(UserError, match="finished run"):
            task(compose("report", [f"run='{tmp_path}'"]))
        with pytest.raises(UserError, match="did you mean accelerator"):
            task(compose("report", [f"run='{run}'", "+acelerator=cpu"]))


def test_a_fold_that_is_not_there_is_named(reported: tuple[Path, NDArray[np.uint8]]) -> None:
    assert load_fold(reported[0] / "predictor", 2).rule["threshold"] != 0
    with pytest.raises(UserError, match="fold 7"):
        load_fold(reported[0] / "predictor", 7)


def test_selection_by_sorting() -> None:
    random = np.random.default_rng(0)
    log_odds, labels = random.normal(size=80), random.integers(0, 2, 80)
    decisions = random.integers(0, 2, 80)
    for label in (0, 1):
        wrong = [row for row in range(80) if labels[row] == label != decisions[row]]
        wrong.sort(key=lambda row: log_odds[row], reverse=label == 0)
        assert most_confident_errors(log_odds, labels, decisions, label, 5).tolist() == wrong[:5]
    nearest = sorted(range(80), key=lambda row: abs(log_odds[row]))
    assert nearest_to_threshold(log_odds, 7).tolist() == nearest[:7]
    for label in (0, 1):
        right = [row for row in range(80) if labels[row] == label == decisions[row]]
        middle = np.median(log_odds[right])
        right.sort(key=lambda row: abs(log_odds[row] - middle))
        assert typical_right(log_odds, labels, decisions, label, 5).tolist() == right[:5]
    assert len(typical_right(log_odds, labels, 1 - labels, 0, 5)) == 0
