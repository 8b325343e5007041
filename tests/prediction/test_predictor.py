import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.special import logit

from imbclf.errors import UserError
from imbclf.models.build import build_backbone
from imbclf.prediction.ensemble_rule import EnsembleRule
from imbclf.prediction.fold_model import read_checkpoint
from imbclf.prediction.fold_model_files import save_fold_model
from imbclf.prediction.join_predictors import join
from imbclf.prediction.manifest import MANIFEST, write_ensemble_rule
from imbclf.prediction.predictor import Predictor

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)


def card(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    backbone = build_backbone("shufflenet_v2_x0_5")
    return {
        "architecture": dict(backbone.architecture),
        "threshold": 0.25,
        "slope": 2.0,
        "intercept": -0.5,
        "temperature": 3.0,
        "prior": 0.8,
        "image_size": [32, 32],
        "label_names": ["bad", "good"],
        **changes,
    }


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    for fold, threshold in enumerate((0.25, -0.01)):
        torch.manual_seed(fold)
        backbone = build_backbone("shufflenet_v2_x0_5")
        save_fold_model(tmp_path, fold, card(threshold=threshold), backbone.state_dict())
    return tmp_path


def test_scores_labels_and_probabilities_follow_their_definition(saved: Path) -> None:
    predictor = Predictor.load(saved)
    answer = predictor.predict_pixels(IMAGES, batch_size=3)
    logits = []
    for fold in (0, 1):
        torch.manual_seed(fold)
        backbone = build_backbone("shufflenet_v2_x0_5").eval()
        with torch.no_grad():
            logits.append(backbone(torch.from_numpy(IMAGES)).double().numpy())
    scores = (logits[0] - 0.25 + logits[1] + 0.01) / 2
    np.testing.assert_allclose(answer.scores, scores, atol=1e-6)
    mean = np.mean(logits, axis=0)
    probabilities = 1 / (1 + np.exp(-(2 * mean - 0.5)))
    np.testing.assert_allclose(answer.probabilities, probabilities, atol=1e-6)
    assert answer.decisions.tolist() == (answer.scores >= 0).astype(int).tolist()
    assert answer.labels.tolist() == [["bad", "good"][d] for d in answer.decisions]


def test_images_are_viewed_as_when_the_thresholds_were_chosen(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = build_backbone("shufflenet_v2_x0_5").state_dict()
    for name, tta in (("plain", "none"), ("flipped", "flip")):
        save_fold_model(tmp_path / name, 0, card(), weights, tta)  # type: ignore[arg-type]
    plain, flipped = (Predictor.load(tmp_path / name) for name in ("plain", "flipped"))
    assert (
        flipped.predict_pixels(IMAGES).scores == plain.predict_pixels(IMAGES, tta="flip").scores
    ).all()
    assert not (flipped.predict_pixels(IMAGES).scores == plain.predict_pixels(IMAGES).scores).all()
    with pytest.raises(UserError, match="tta none and flip"):
        join([plain, flipped])


def test_temperature_and_prior_change_probabilities_and_never_labels(saved: Path) -> None:
    predictor = Predictor.load(saved)
    plain = predictor.predict_pixels(IMAGES)
    backbones = [member.backbone.eval() for member in predictor.fold_models]
    with torch.inference_mode():
        scores = [backbone(torch.from_numpy(IMAGES)).double().numpy() for backbone in backbones]
    cooled = predictor.predict_pixels(IMAGES, calibration="temperature")
    mean = np.mean(scores, axis=0)
    expected = 1 / (1 + np.exp(-mean / 3))
    np.testing.assert_allclose(cooled.probabilities, expected, atol=1e-6)
    shifted = predictor.predict_pixels(IMAGES, prior=0.3)
    # Bayes' rule with the odds of 0.8 taken off and those of 0.3 put on.
    odds = np.exp(2 * mean - 0.5) * (0.3 / 0.7) / (0.8 / 0.2)
    expected = odds / (1 + odds)
    np.testing.assert_allclose(shifted.probabilities, expected, atol=1e-6)
    for answer in (cooled, shifted):
        assert (answer.scores == plain.scores).all()
        assert (answer.labels == plain.labels).all()
    with pytest.raises(UserError, match="use calibration=platt"):
        predictor.predict_pixels(IMAGES, calibration="temperature", prior=0.3)
    for prior in (0.0, 1.0, -3.0, float("nan")):
        with pytest.raises(UserError, match="prior="):
            predictor.predict_pixels(IMAGES, prior=prior)


def test_the_less_alike_fold_models_are_the_more_confident_is_their_average(saved: Path) -> None:
    plain = Predictor.load(saved).predict_pixels(IMAGES)
    write_ensemble_rule(saved, EnsembleRule(correlation=0.5))
    predictor = Predictor.load(saved)
    mean = 2 * plain.logits.mean(axis=1) - 0.5
    # Two models, half of whose noise is shared: the log likelihood ratio times 1 / .75.
    for prior, own in ((None, 0.8), (0.3, 0.3)):
        answer = predictor.predict_pixels(IMAGES, prior=prior)
        expected = (mean - logit(0.8)) / 0.75 + logit(own)
        np.testing.assert_allclose(logit(answer.probabilities), expected, atol=1e-9)
        assert (answer.scores == plain.scores).all()
        assert (answer.labels == plain.labels).all()
    cooled = predictor.predict_pixels(IMAGES, calibration="temperature")
    np.testing.assert_allclose(logit(cooled.probabilities), plain.logits.mean(axis=1) / 3)


def test_a_predictor_of_version_0_1_averages_probabilities_also_beside_newer_ones(
    saved: Path, tmp_path: Path
) -> None:
    newer = Predictor.load(saved)
    assert json.loads((saved / MANIFEST).read_text())["format"] == 3
    old = tmp_path / "old"
    shutil.copytree(saved, old, ignore=shutil.ignore_patterns("old"))
    stored = json.loads((old / MANIFEST).read_text())
    del stored["ensemble"]
    (old / MANIFEST).write_text(json.dumps({**stored, "format": 2}))
    logits = newer.predict_pixels(IMAGES).logits
    expected = np.mean([1 / (1 + np.exp(-(2 * f - 0.5))) for f in logits.T], axis=0)
    for predictor in (Predictor.load(old), join([Predictor.load(old), newer])):
        answer = predictor.predict_pixels(IMAGES)
        np.testing.assert_allclose(answer.probabilities, expected, atol=1e-12)
    # Resumed, it remains what it was.
    save_fold_model(old, 2, card(), load_file(old / "fold_0.safetensors"))
    assert "ensemble" not in json.loads((old / MANIFEST).read_text())
    assert Predictor.load(old).ensemble.average == "probability"


def test_flip_averages_the_mirror_image(saved: Path) -> None:
    predictor = Predictor.load(saved)
    both = predictor.predict_pixels(IMAGES, tta="flip").scores
    plain = predictor.predict_pixels(IMAGES).scores
    mirrored = predictor.predict_pixels(np.ascontiguousarray(IMAGES[:, :, ::-1])).scores
    np.testing.assert_allclose(both, (plain + mirrored) / 2, atol=1e-6)
    assert np.abs(plain - mirrored).max() > 1e-6


def test_the_batch_size_does_not_matter(saved: Path) -> None:
    predictor = Predictor.load(saved)
    one, many = (predictor.predict_pixels(IMAGES, batch_size=size).scores for size in (1, 7))
    np.testing.assert_allclose(one, many, atol=1e-6)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ({"precision": "banana"}, "precision=banana: expected one of auto, 32-true, bf16-mixed"),
        ({"precision": "64-true"}, "precision=64-true"),
        ({"threshold": float("nan")}, "threshold=nan: expected a number"),
        ({"tta": "mirror"}, "tta=mirror: expected one of none, flip, shift"),
        ({"batch_size": 0}, "batch_size=0: expected 1 or more"),
    ],
)
def test_options_out_of_range_are_refused(saved: Path, option: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        Predictor.load(saved).predict_pixels(IMAGES, **option)


def test_a_decision_may_be_forced_by_an_endless_threshold(saved: Path) -> None:
    predictor = Predictor.load(saved)
    for threshold, decision in ((float("inf"), 0), (-float("inf"), 1)):
        assert (predictor.predict_pixels(IMAGES, threshold=threshold).decisions == decision).all()


def test_logits_that_are_no_numbers_are_refused_by_the_name_of_their_member(saved: Path) -> None:
    predictor = Predictor.load(saved)
    with torch.no_grad():
        for weight in predictor.fold_models[1].backbone.head.parameters():
            weight.fill_(float("nan"))
    for precision, advice in (("bf16-mixed", "choose precision=32-true"), ("32-true", "its weigh")):
        told = f"fold_1: 7 of 7 logits are not finite with precision={precision}; {advice}"
        with pytest.raises(UserError, match=told):
            predictor.predict_pixels(IMAGES, precision=precision)


def test_no_images_give_no_predictions(saved: Path) -> None:
    assert len(Predictor.load(saved).predict_pixels(IMAGES[:0]).labels) == 0


@pytest.mark.parametrize(
    "images", [IMAGES[:, :16], IMAGES[0], IMAGES.astype(np.float32), IMAGES[..., :1]]
)
def test_other_images_are_refused(saved: Path, images: np.ndarray) -> None:
    with pytest.raises(UserError, match="takes uint8"):
        Predictor.load(saved).predict_pixels(images)


def test_saving_a_fold_again_replaces_it(saved: Path) -> None:
    save_fold_model(
        saved, 1, card(threshold=7.0), build_backbone("shufflenet_v2_x0_5").state_dict()
    )
    assert [member.rule["threshold"] for member in Predictor.load(saved).fold_models] == [0.25, 7.0]


def test_runs_with_other_labels_or_sizes_do_not_join(saved: Path, tmp_path: Path) -> None:
    predictor = Predictor.load(saved)
    assert len(join([predictor, predictor]).fold_models) == 4
    other = tmp_path / "other"
    weights = build_backbone("shufflenet_v2_x0_5").state_dict()
    save_fold_model(other, 0, card(label_names=["no", "yes"]), weights)
    with pytest.raises(UserError, match="cannot be joined"):
        join([predictor, Predictor.load(other)])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 4}, "format 4"),
        ({"members": []}, "lists no fold models"),
        ({"ensemble": 1}, "ensemble: expected"),
        ({"ensemble": {"average": "votes", "correlation": 1}}, "average: expected log_odds"),
        ({"ensemble": {"average": "log_odds", "correlation": -1}}, "correlation: expected 0 to 1"),
        ({"members": [{"weights": "../fold_0.safetensors"}]}, "beside it"),
        ({"members": [{"weights": "fold_9.safetensors"}]}, "architecture is missing"),
        ({"image_size": "wide"}, "image_size: expected a list, found 'wide'"),
    ],
)
def test_a_damaged_manifest_is_refused(saved: Path, change: dict[str, object], told: str) -> None:
    manifest = saved / "predictor.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **change}))
    with pytest.raises(UserError, match=told):
        Predictor.load(saved)


def test_missing_weights_are_named(saved: Path) -> None:
    (saved / "fold_1.safetensors").unlink()
    with pytest.raises(UserError, match=r"fold_1\.safetensors: not readable weights"):
        Predictor.load(saved)


def test_a_run_directory_is_loaded_as_its_predictor_is_by_path_or_text(
    saved: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(saved, run / "predictor", ignore=shutil.ignore_patterns("run"))
    expected = Predictor.load(saved).predict_pixels(IMAGES).scores
    for path in (str(saved), run, str(run), run / "predictor"):
        assert (Predictor.load(path).predict_pixels(IMAGES).scores == expected).all()
    with pytest.raises(UserError, match=r"nowhere/predictor\.json: expected the manifest"):
        Predictor.load("nowhere")


def test_a_predictor_is_shown_in_three_lines(saved: Path) -> None:
    assert repr(Predictor.load(saved)).splitlines() == [
        "Predictor: an ensemble of fold models that labels images",
        "  images: 32x32 pixels, labels: 0 = 'bad', 1 = 'good'",
        "  fold models: 2 x shufflenet_v2_x0_5",
    ]


def test_errors_of_our_own_code_are_not_taken_for_a_damaged_file(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a mistake of ours")

    monkeypatch.setattr("imbclf.prediction.read_predictor.load_fold_model", broken)
    with pytest.raises(KeyError, match="a mistake of ours"):
        Predictor.load(saved)


def test_a_missing_or_broken_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"predictor\.json"):
        Predictor.load(tmp_path)
    (tmp_path / "predictor.json").write_text("{")
    with pytest.raises(UserError, match=r"predictor\.json"):
        Predictor.load(tmp_path)


@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "resnet19", "../resnet18"])
def test_architecture_names_are_looked_up_and_never_called(saved: Path, name: str) -> None:
    sheet = saved / "predictor.json"
    stored = json.loads(sheet.read_text())
    stored["members"][0]["architecture"]["name"] = name
    sheet.write_text(json.dumps(stored))
    with pytest.raises(UserError):
        Predictor.load(saved)


def test_weights_of_another_shape_are_refused(saved: Path) -> None:
    save_file({"head.bias": torch.zeros(3)}, saved / "fold_0.safetensors")
    with pytest.raises(UserError, match="do not fit"):
        Predictor.load(saved)


class Payload:
    """What a hostile file would like to have called."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.witness,)


def test_a_pickle_in_place_of_a_checkpoint_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    witness = tmp_path / "witness"
    plain = tmp_path / "plain.ckpt"
    plain.write_bytes(pickle.dumps(Payload(witness)))
    wrapped = tmp_path / "wrapped.ckpt"
    torch.save({"state_dict": {}, "imbclf": Payload(witness)}, wrapped)
    for path in (plain, wrapped):
        with pytest.raises(UserError, match="plain tensors"):
            read_checkpoint(path)
    assert not witness.exists()
