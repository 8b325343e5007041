"""Images that are referred to a person: chosen, predicted, shown, served, exported and judged."""

import csv
import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import balanced_accuracy_score

from helpers.ensembles import NAMES, briefly_trained, encoded, write_predictor
from helpers.gaussians import draw
from helpers.simulated_ensembles import simulate
from imbclf.data.listing import Listing, list_images
from imbclf.errors import UserError
from imbclf.evaluation.cross_fitting import cross_fitted_scores
from imbclf.evaluation.evaluate import evaluate, evaluation_text
from imbclf.metrics.expected_performance import DevAndTest
from imbclf.metrics.intervals import wilson_interval
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.export.export import Export, export_predictor
from imbclf.prediction.export.formats import open_graph
from imbclf.prediction.export.verification import drawn_images
from imbclf.prediction.image_service import ImageService
from imbclf.prediction.labeling_rule import LabelingRule
from imbclf.prediction.predict_folder import predict_folder
from imbclf.prediction.predictions import Predictions
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.referral import Referral, choose_referral
from imbclf.prediction.write_predictions import prediction_text, write_predictions
from imbclf.reporting.prediction_page import Origin, write_prediction_page

SIDE, CPU = 16, torch.device("cpu")


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("run")
    make = partial(briefly_trained, "shufflenet_v2_x0_5", SIDE)
    write_predictor(folder, make, SIDE)
    return Predictor.load(folder)


def oof(seed: int = 0) -> dict[str, np.ndarray]:
    scores, labels = draw(seed, 120, 400, distance=2.0)
    return {"score": scores - 1, "label": labels}


def referral(low: float, high: float, option: str = "refer", value: float = 0.1) -> Referral:
    return Referral(option, value, low, high, 0.1, (0.2, 0.1), 0.1, 0.1, 0.1, (0.05, 0.2), 0.3)


def test_a_share_is_that_nearest_to_the_threshold() -> None:
    images = oof()
    found = choose_referral("refer", 0.1, images)
    scores, labels = images["score"], images["label"]
    doubtful = np.argsort(np.abs(scores))[:52]
    between = (scores >= found.low) & (scores < found.high)
    assert sorted(np.flatnonzero(between)) == sorted(doubtful)
    others = np.setdiff1d(np.arange(520), doubtful)
    right = balanced_accuracy_score(labels[others], scores[others] >= 0)
    assert found.hter == pytest.approx(1 - right)
    assert found.plain_hter == pytest.approx(1 - balanced_accuracy_score(labels, scores >= 0))
    assert found.hter is not None
    assert found.hter_interval is not None
    assert found.hter_interval[0] < found.hter < found.plain_hter
    assert found.referred == pytest.approx(0.1)
    assert found.referred_of[1] == pytest.approx((labels[doubtful] == 1).sum() / 400)
    in_groups = choose_referral("refer", 0.1, {**images, "group": np.arange(520) // 8})
    assert in_groups.hter_interval is not None
    assert np.ptp(in_groups.hter_interval) > np.ptp(found.hter_interval)


def test_what_is_chosen_is_said_and_what_cannot_be_is_refused() -> None:
    found = choose_referral("max_error", 0.05, oof())
    assert found.low < 0 < found.high
    assert "On new images at most 0.05 of each label are decided wrongly" in str(found)
    wrong = [(oof()["score"][oof()["label"] == 0] >= found.high).mean()]
    wrong += [(oof()["score"][oof()["label"] == 1] < found.low).mean()]
    assert max(wrong) <= 0.05
    with pytest.raises(UserError, match="takes at least 199 images of label 0, there are 120"):
        choose_referral("max_error", 0.005, oof())
    with pytest.raises(UserError, match="max_far and refer: expected one of them"):
        DecisionOptions(refer=0.1, max_far=0.1)
    with pytest.raises(UserError, match=r"decide=probability and refer=0\.1: expected one"):
        DecisionOptions(refer=0.1, decide="probability")
    with pytest.raises(UserError, match=r"refer=0\.1: needs the out-of-fold scores .*oof.csv\)$"):
        DecisionOptions(refer=0.1).threshold_on(None)
    with pytest.raises(UserError, match="a label is called refer"):
        LabelingRule("hter", 0.0, ("keep", "refer"), 1, 0.5, band=(-1.0, 1.0))
    assert referral(0.5, 2).threshold == 0.5
    alone = choose_referral("refer", 0.7, {"score": [-5, 0.1, 0.2], "label": [0, 1, 1]})
    assert (alone.far, alone.frr, alone.hter) == (0.0, None, None)
    assert "HTER" not in str(alone)


def test_predictions_say_refer_in_every_place(predictor: Predictor, tmp_path: Path) -> None:
    for number, image in enumerate(drawn_images(30, (SIDE, SIDE), seed=1)):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    listing = list_images(tmp_path)
    pixels = np.stack([np.asarray(Image.open(tmp_path / name)) for name in listing.files])
    scores = predictor.predict_pixels(pixels).scores
    low, high = np.quantile(scores, [0.3, 0.6])
    chosen, options = referral(low, high), DecisionOptions(refer=0.1)
    given = predictor, (pixels, listing), options, chosen.threshold, CPU, "32-true"
    found = predict_folder(*given, referral=chosen)
    expected = np.where(scores < low, NAMES[0], np.where(scores >= high, NAMES[1], "refer"))
    assert (expected == "refer").sum() == 9
    write_predictions(found, predictor, options, ["run"], tmp_path)
    assert (tmp_path / "labels.txt").read_text().split() == expected.tolist()
    with (tmp_path / "predictions.csv").open(newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == expected.tolist()
    summary = json.loads((tmp_path / "predictions.json").read_text())
    assert summary["labels"] == {name: (expected == name).sum() for name in NAMES}
    assert (summary["referred"], summary["referral"]["low"]) == (9, low)
    assert f"{NAMES[0]} where the score is < {low:.4g}" in summary["rule"]
    told = prediction_text(found, predictor, tmp_path)
    assert "images       30: " in told
    assert "9 referred to a person (refer in the place of a label)" in told
    write_prediction_page(
        tmp_path / "p.html", found, pixels, predictor, Origin("run", "photos", "imbclf-predict")
    )
    html = (tmp_path / "p.html").read_text()
    assert "9 referred to a person (30.0%)" in html
    shown = re.findall(r'<figure title="[^"]*">.*?<br>(\w+), P', html)
    assert shown[:9] == ["refer"] * 9
    assert "refer" not in shown[9:]
    assert len(shown) == 30


@pytest.mark.slow
def test_servers_and_exported_files_refer_the_same_images(
    predictor: Predictor, tmp_path: Path
) -> None:
    images = drawn_images(20, (SIDE, SIDE), seed=2)
    scores = predictor.predict_pixels(images).scores
    low, high = (float(end) for end in np.quantile(scores, [0.25, 0.75]))
    expected = np.where(scores < low, 0, np.where(scores >= high, 1, -1))
    answer, _ = ImageService(predictor).answer(encoded(images), band=(low, high))
    assert answer.labels.tolist() == [[*NAMES, "refer"][label] for label in expected]
    for band, message in (((1.0, 0.0), "the lower one first"), ((np.nan, 0.0), "lower one first")):
        with pytest.raises(UserError, match=message):
            ImageService(predictor).answer(encoded(images), band=band)
    chosen = referral(low, high)
    wanted = Export("pt2", images=20, threshold=chosen.threshold, point=chosen)
    sheet = export_predictor(predictor, wanted, None, tmp_path)
    assert (sheet["referral"]["low"], sheet["referral"]["high"]) == (low, high)
    assert sheet["label_of_referred"] == -1
    assert sheet["check"]["labels"] == 0
    assert open_graph(tmp_path / "model.pt2")(images)["label"].tolist() == expected.tolist()


def test_an_evaluation_judges_the_decided_images_by_label(tmp_path: Path) -> None:
    images = oof(5)
    scores, labels = images["score"], images["label"]
    chosen = referral(-0.4, 0.6, "max_error", 0.08)
    decisions = (scores >= 0).astype(np.int64)
    names = np.array(["fine", "ill"])
    files = np.array([f"{row}.png" for row in range(len(labels))])
    plain = Predictions(
        scores, 1 / (1 + np.exp(-scores)), decisions, names[decisions], scores[:, None]
    )
    answer = plain.referring(chosen.band)
    listing = Listing(tmp_path, files, labels, label_names=("fine", "ill"))
    report = evaluate(answer, listing, tmp_path, 1, point=chosen)
    assert report["hter"] == evaluate(plain, listing, tmp_path / "plain", 1)["hter"]
    judged = report["referral"]
    for label, row in enumerate(judged["by_label"]):
        own = scores[labels == label]
        wrong = (own >= 0.6).sum() if label == 0 else (own < -0.4).sum()
        referred = ((own >= -0.4) & (own < 0.6)).sum()
        assert (row["referred"], row["wrong"]) == (referred, wrong)
        assert row["wrong_share"] == pytest.approx(wrong / len(own))
        interval = wilson_interval(wrong / len(own), len(own), 0.95)
        assert row["wrong_share_interval"] == pytest.approx(list(interval))
        assert judged[("far", "frr")[label]] == pytest.approx(wrong / (len(own) - referred))
    assert judged["met"] == all(row["wrong_share"] <= 0.08 for row in judged["by_label"])
    text = evaluation_text(report)
    assert "for max_error=0.08: " in text
    assert f"fine decided ill: {judged['by_label'][0]['wrong']}, of those decided" in text
    with (tmp_path / "predictions.csv").open(newline="") as file:
        column = [int(row["referred"]) for row in csv.DictReader(file)]
    assert column == ((scores >= -0.4) & (scores < 0.6)).astype(int).tolist()
    # Of a label of which all is referred, nothing can be said.
    all_of_one = plain.referring((float(scores[labels == 0].max()), np.inf))
    nothing = evaluate(all_of_one, listing, tmp_path, 1, point=referral(0, 1))["referral"]
    assert nothing["frr"] != nothing["frr"] or nothing["frr"] >= 0
    assert "of those decided" in evaluation_text({**report, "referral": judged | nothing})


@pytest.mark.slow
@pytest.mark.parametrize("learner", ["logistic", "network"])
def test_an_ensemble_keeps_to_the_error_on_average(learner: str) -> None:
    rows = []
    for seed in range(12):
        ensemble = simulate(learner, 1000, 120, seed)
        scores = np.empty(1000)
        for number, fold in enumerate(ensemble.folds):
            logits, labels = ensemble.logits[:, number], ensemble.labels
            scored = DevAndTest(
                logits[fold.dev], labels[fold.dev], logits[fold.test], labels[fold.test]
            )
            scores[fold.test] = cross_fitted_scores(scored, "smoothed", seed=number)
        known = {"score": scores, "label": ensemble.labels}
        new = (ensemble.new_logits - ensemble.numbers("threshold")).mean(axis=1)
        of_one = ensemble.new_labels == 1
        bounded, share = (
            choose_referral("max_error", 0.05, known),
            choose_referral("refer", 0.1, known),
        )
        between = (new >= share.low) & (new < share.high)
        kept = balanced_accuracy_score(of_one[~between], new[~between] >= 0)
        rows.append(
            (
                (new[~of_one] >= bounded.high).mean(),
                (new[of_one] < bounded.low).mean(),
                between.mean(),
                kept - balanced_accuracy_score(of_one, new >= 0),
            )
        )
    means = np.mean(rows, axis=0)
    chance = 3 * np.std(rows, axis=0) / np.sqrt(len(rows))
    print(learner, means.round(4))
    assert (means[:2] < 0.05 + chance[:2]).all()
    assert 0.05 < means[2] < 0.15
    assert means[3] > 0.01  # what it buys
