"""An exported file answers as the predictor does, and is not kept where it does not."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hydra import compose, initialize_config_dir
from scipy.special import expit

import imbclf.prediction.export.export
from helpers.commands import call
from helpers.ensembles import NAMES, briefly_trained, write_predictor
from helpers.shallow_networks import build_shallow
from helpers.written_runs import write_images, write_run
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.errors import UserError
from imbclf.evaluation.fold_files import (
    fold_thresholds,
    read_fold,
)
from imbclf.evaluation.run_images import sample_run_images
from imbclf.metrics.error_rates import hter
from imbclf.models.backbone import Backbone
from imbclf.models.heads import HEADS, LogisticHead, MahalanobisHead, OneClassHead
from imbclf.prediction.ensemble_rule import EnsembleRule
from imbclf.prediction.export.export import Export, export_predictor
from imbclf.prediction.export.formats import Format, open_graph, write_graph
from imbclf.prediction.export.graph import OUTPUTS, EnsembleGraph, trace
from imbclf.prediction.export.quantization import hter_increase
from imbclf.prediction.export.sample import KnownImages
from imbclf.prediction.export.verification import Agreement, compare, drawn_images, run_in_batches
from imbclf.prediction.predictions import Predictions
from imbclf.prediction.predictor import Predictor
from imbclf.utils.install_line import install_line

MODELS = sorted(
    path.stem for path in (conf_dir() / "model").glob("[!_]*.yaml") if path.stem != "timm"
)
SIDE = 32


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A predictor of two networks, whose thresholds were chosen on ten views of each image."""
    folder = tmp_path_factory.mktemp("small")
    make = partial(briefly_trained, "squeezenet1_1", SIDE)
    write_predictor(folder, make, SIDE, "shift")
    return folder


def by_hand(
    folder: Path, images: np.ndarray, slopes: tuple[float, float], intercepts: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Score and probability of an image's ten views, a view and a network at a time."""
    members = Predictor.load(folder).fold_models
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    places = ((2, 2), (0, 2), (4, 2), (2, 0), (2, 4))
    scores, log_odds = [], []
    for member, slope, intercept in zip(members, slopes, intercepts, strict=True):
        views = [padded[:, a : a + SIDE, b : b + SIDE] for a, b in places]
        views += [view[:, :, ::-1] for view in views]
        with torch.no_grad():
            logits = [
                member.network.eval()(torch.from_numpy(view.copy())).double().numpy()
                for view in views
            ]
        mean = np.mean(logits, axis=0)
        scores.append(mean - member.rule["threshold"])
        log_odds.append(slope * mean + intercept)
    return np.mean(scores, axis=0), expit(np.mean(log_odds, axis=0))


def test_the_graph_follows_the_definition(small: Path) -> None:
    images = drawn_images(9, (SIDE, SIDE), seed=4)
    shift = np.log(0.3 / 0.7) - np.log(0.8 / 0.2)
    cases: list[tuple[dict[str, Any], tuple[float, float], tuple[float, float]]] = [
        ({}, (1.5, 2.5), (-0.25, -0.25)),
        ({"prior": 0.3}, (1.5, 2.5), (shift - 0.25, shift - 0.25)),
        ({"calibration": "temperature"}, (1 / 2, 1 / 3), (0.0, 0.0)),
    ]
    for options, slopes, intercepts in cases:
        graph = EnsembleGraph(Predictor.load(small), threshold=0.2, **options)
        with torch.no_grad():
            probability, score, label, _ = graph(torch.from_numpy(images))
        wanted, chances = by_hand(small, images, slopes, intercepts)
        np.testing.assert_allclose(score, wanted, atol=1e-5)
        np.testing.assert_allclose(probability, chances, atol=1e-5)
        assert label.tolist() == (wanted >= 0.2).astype(int).tolist()
        graph = EnsembleGraph(Predictor.load(small), decide="probability", **options)
        with torch.no_grad():
            label = graph(torch.from_numpy(images))[2]
        assert label.tolist() == (chances >= 0.5).astype(int).tolist()
    assert np.std(chances) > 0.01


@pytest.mark.parametrize("rule", [EnsembleRule(correlation=0.4), EnsembleRule("probability")])
def test_the_graph_averages_as_the_predictor(small: Path, rule: EnsembleRule) -> None:
    images = drawn_images(9, (SIDE, SIDE), seed=4)
    plain, predictor = Predictor.load(small), replace(Predictor.load(small), ensemble=rule)
    expected = predictor.predict_pixels(images, prior=0.4).probabilities
    with torch.no_grad():
        probability = EnsembleGraph(predictor, prior=0.4)(torch.from_numpy(images))[0]
    np.testing.assert_allclose(probability, expected, atol=1e-5)
    assert np.abs(plain.predict_pixels(images, prior=0.4).probabilities - expected).max() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("form", ["onnx", "pt2"])
def test_the_file_answers_as_the_predictor_for_any_number_of_images(
    small: Path, tmp_path: Path, form: Format
) -> None:
    predictor = Predictor.load(small)
    wanted = Export(form, images=20, batch_size=6, calibration="platt", prior=0.4)
    sheet = export_predictor(predictor, wanted, None, tmp_path)
    assert sheet["check"]["source"] == "drawn"
    assert sheet["check"]["probability"] <= 1e-5
    assert sheet["label_names"] == list(NAMES)
    run = open_graph(tmp_path / f"model.{form}")
    for count in (1, 3, 40):
        images = drawn_images(count, (SIDE, SIDE), seed=count)
        expected = predictor.predict_pixels(images, calibration="platt", prior=0.4)
        answer = run(images)
        assert list(answer) == list(OUTPUTS)
        np.testing.assert_allclose(answer["probability"], expected.probabilities, atol=1e-5)
        np.testing.assert_allclose(answer["score"], expected.scores, atol=1e-5)
        assert answer["label"].tolist() == expected.decisions.tolist()
    assert np.std(expected.probabilities) > 0.01
    if form == "onnx":
        model = onnx.load(tmp_path / "model.onnx")
        onnx.checker.check_model(model)
        card = {entry.key: entry.value for entry in model.metadata_props}["imbclf.json"]
        assert json.loads(card)["label_names"] == list(NAMES)
        (taken,) = onnxruntime.InferenceSession(tmp_path / "model.onnx").get_inputs()
        assert (taken.type, taken.shape[1:]) == ("tensor(uint8)", [SIDE, SIDE, 3])


@pytest.mark.slow
def test_a_file_that_answers_otherwise_is_refused(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(graph: EnsembleGraph, size: tuple[int, int]) -> torch.export.ExportedProgram:
        graph.intercepts += 1e-2
        return trace(graph, size)

    monkeypatch.setattr(imbclf.prediction.export.export, "trace", spoilt)
    with pytest.raises(UserError, match="does not agree with the predictor"):
        export_predictor(Predictor.load(small), Export("pt2", images=5), None, tmp_path)


def test_differences_are_rounding_or_they_are_not() -> None:
    assert Agreement(3, 1e-6, 1e-5, 1e-3, 0, 0).holds
    assert Agreement(3, 1e-6, 1e-5, 1e-3, 1, 1).holds
    assert not Agreement(3, 1e-4, 1e-5, 1e-3, 0, 0).holds
    assert not Agreement(3, 1e-6, 1e-5, 1e-3, 1, 0).holds


def test_largest_differences_are_found() -> None:
    logits = np.array([[1.0], [-4.0], [2.0]])
    scores = logits[:, 0]
    expected = Predictions(
        scores, expit(scores), (scores >= 0).astype(np.int64), np.array(["b", "a", "b"]), logits
    )
    answer = {
        "probability": expit(scores) + np.array([0, 0.25, 0]),
        "score": scores,
        "label": np.array([1, 0, 0]),
        "logits": logits + np.array([[0], [0], [1]]),
    }
    assert compare(expected, answer) == Agreement(3, 0.25, 1e-5, 0.5, 1, 0)
    steep = compare(expected, {**answer, "label": expected.decisions}, slope=1e6)
    assert steep == Agreement(3, 0.25, 1.0, 0.5, 0, 0)  # 1e6 / 4 * 1e-6 * 4


def test_int8_is_judged_by_models_that_never_saw_the_image(tmp_path: Path) -> None:
    write_images(tmp_path / "photos")
    write_run(tmp_path / "run", tmp_path / "photos")
    known = sample_run_images(tmp_path / "run", None, 60)
    names = ["fold_2", "fold_0", "fold_1"]
    random = np.random.default_rng(1)
    exact, rounded = (random.normal(size=(len(known.labels), 3)) for _ in range(2))
    thresholds = fold_thresholds(tmp_path / "run")
    before, loss = hter_increase(
        thresholds, known, names, {"logits": exact}, {"logits": rounded}, threshold=0.1
    )
    rates = []
    for logits in (exact, rounded):
        decisions = []
        for row, fold in enumerate(known.folds):
            result = read_fold(tmp_path / "run", int(fold))
            assert result is not None
            own = logits[row, names.index(f"fold_{fold}")]
            decisions.append(int(own - result.threshold >= 0.1))
        rates.append(hter(decisions, known.labels))
    assert before == pytest.approx(rates[0])
    assert loss.hter == pytest.approx(rates[1] - rates[0])
    with pytest.raises(UserError, match="lacks a fold"):
        hter_increase(thresholds, known, names[:2], {"logits": exact}, {"logits": rounded})


def test_int8_is_judged_by_whole_groups(tmp_path: Path) -> None:
    write_images(tmp_path / "photos")
    write_run(tmp_path / "run", tmp_path / "photos")
    oof = tmp_path / "run" / "oof.csv"
    head, *rows = oof.read_text().splitlines()
    grouped = [f"{row},p{int(row.split('.')[0]) // 5}" for row in rows]
    oof.write_text("\n".join([f"{head},group", *grouped]))
    known = sample_run_images(tmp_path / "run", None, 60)
    assert known.groups is not None
    assert known.take(slice(10, 20)).groups is not None
    alone = replace(known, groups=None)
    exact = np.where(known.labels == 1, 9.0, -9.0)[:, None].repeat(3, axis=1)
    # All images of every fourth group become errors, so that there are fewer chances than errors.
    turned = np.array([int(name[1:]) % 4 == 0 for name in known.groups])
    rounded = np.where(turned[:, None], -exact, exact)
    names = ["fold_0", "fold_1", "fold_2"]
    answers = ({"logits": exact}, {"logits": rounded})
    whole, single = (
        hter_increase(fold_thresholds(tmp_path / "run"), one, names, *answers)[1]
        for one in (known, alone)
    )
    assert whole.hter == single.hter > 0.1
    assert whole.low < single.low
    assert whole.p > 10 * single.p


def test_known_images_are_the_runs_own_of_both_labels(tmp_path: Path) -> None:
    pixels = write_images(tmp_path / "photos")
    write_run(tmp_path / "run", tmp_path / "photos")
    known = sample_run_images(tmp_path / "run", None, 40)
    assert len(known.labels) == 40
    assert known.labels.sum() == 20
    places = [int(np.flatnonzero((pixels == one).all(axis=(1, 2, 3)))[0]) for one in known.pixels]
    rows = [line.split(",") for line in (tmp_path / "run" / "oof.csv").read_text().splitlines()]
    table = {row[0]: (int(row[1]), int(row[2])) for row in rows[1:]}
    for place, label, fold in zip(places, known.labels, known.folds, strict=True):
        assert table[f"{place}.png"] == (label, fold)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["format=onxx"], "format=onxx: expected onnx or pt2"),
        (["format=pt2", "int8=true"], "choose onnx"),
        (["int8=true"], "needs a finished run directory"),
        (["images=0"], "images=0: expected 2 or more"),
        (["tta=flop"], "tta=flop: expected"),
        (["prior=2"], "prior=2"),
        (["max_far=0.1"], "needs the out-of-fold scores"),
        (["imges=3"], "unknown option imges; did you mean images?"),
    ],
)
def test_mistakes_are_named(
    small: Path,
    options: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("export", f"ckpt={small}", "out=out", *options) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out" / "export.json").exists()


def test_a_missing_extra_is_named(
    small: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert call("export", f"ckpt={small}", "out=out") == 2
    assert install_line("onnx") in capsys.readouterr().err


def test_nothing_is_overwritten_unasked_and_the_command_says_what_it_did(
    small: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = (f"ckpt={small}", "out=out", "format=pt2", "images=4", "batch_size=4", "tta=none")
    monkeypatch.setattr(imbclf.prediction.export.export, "time_call", lambda work: (work(), 0.5)[1])
    assert call("export", *arguments) == 0
    told = capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"model.pt2", "export.json"}
    sheet = json.loads((tmp_path / "out" / "export.json").read_text())
    assert sheet["speed"]["model.pt2"]["images_per_second"] == 8
    assert sheet["speed"]["model.pt2"]["milliseconds_for_one"] == 500
    assert sheet["speed"]["model.pt2"]["bytes"] == (tmp_path / "out" / "model.pt2").stat().st_size
    assert f"{sheet['check']['probability']:.1e}" in told
    assert call("export", *arguments) == 2
    assert "overwrite=true" in capsys.readouterr().err


def agrees(
    folder: Path,
    side: int,
    forms: Sequence[Format] = get_args(Format),
    count: int = 12,
    batch_size: int = 5,
) -> None:
    predictor = Predictor.load(folder)
    images = drawn_images(count, (side, side), seed=8)
    expected = predictor.predict_pixels(images, batch_size=batch_size)
    graph = trace(EnsembleGraph(predictor), (side, side))
    answers = []
    for form in forms:
        path = folder / f"model.{form}"
        write_graph(graph, form, path, {})
        answers.append(run_in_batches(open_graph(path), images, batch_size))
    with torch.no_grad():  # last, since it changes the networks themselves
        exact = EnsembleGraph(predictor).double()(torch.from_numpy(images))[0].numpy()
    # Of a deep network that has barely been trained PyTorch's own float32 may be further off.
    rounding = np.abs(expected.probabilities - exact).max()
    assert rounding < 5e-5
    assert np.std(expected.probabilities) > 1e-3  # a hundred times what may differ
    for answer in answers:
        assert compare(expected, answer).labels == 0
        allowed = max(1e-5, 2 * rounding)
        np.testing.assert_allclose(answer["probability"], exact, atol=allowed, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_exported(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_shallow(monkeypatch)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        name = compose("train", [f"model={model}"]).model.name
    write_predictor(tmp_path, lambda seed: briefly_trained(name, 64, seed), 64, fold_models=1)
    agrees(tmp_path, 64)


def shaped(options: Mapping[str, Any], seed: int) -> Backbone:
    return briefly_trained("resnet18", SIDE, seed, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"probe": True},
        {"probe": "kernels"},
        {"input_size": 56},
        {"input_size": 24},
        {"stem": "small"},
    ],
    ids=str,
)
def test_every_shape_of_backbone_is_exported(options: dict[str, Any], tmp_path: Path) -> None:
    write_predictor(tmp_path, partial(shaped, options), SIDE, fold_models=1)
    agrees(tmp_path, SIDE)


def headed(head: str, seed: int) -> Backbone:
    torch.manual_seed(seed)
    own = {"logistic": partial(LogisticHead, landmarks=6)}.get(head, HEADS[head])
    backbone = briefly_trained("squeezenet1_1", SIDE, seed, steps=0, head=own)
    if isinstance(backbone.head, LogisticHead):
        backbone.head.weight.normal_(std=0.05)
        assert backbone.head.kernels is not None
        images = torch.from_numpy(drawn_images(6, (SIDE, SIDE), seed + 10))
        with torch.no_grad():
            features = backbone.eval().features(images)
        scales = torch.full_like(backbone.head.kernels.scales, 0.02)
        backbone.head.mean.copy_(features.mean(dim=0))
        backbone.head.kernels.put(features - backbone.head.mean, scales, torch.randn(2, 6))
    if isinstance(backbone.head, OneClassHead):
        images = torch.from_numpy(drawn_images(40, (SIDE, SIDE), seed + 10))
        with torch.no_grad():
            features = backbone.eval().features(images)
            backbone.head.prepare(features, minority=0)
            # Distances near 0, where the calibration is that is written beside it.
            distant = backbone.head.distances(features).mean()
            if isinstance(backbone.head, MahalanobisHead):
                backbone.head.matrix /= 10 * distant
    return backbone


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
def test_every_head_is_exported(head: str, tmp_path: Path) -> None:
    write_predictor(tmp_path, partial(headed, head), SIDE, fold_models=1)
    # More at once than the 1024 features whose distances to the neighbors are one computation.
    agrees(tmp_path, SIDE, ["onnx"], count=1030, batch_size=1026)


@pytest.mark.slow
def test_a_run_is_exported_in_8_bits_on_its_own_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path / "photos")
    write_run(tmp_path / "run", tmp_path / "photos")
    make = partial(briefly_trained, "squeezenet1_1", SIDE)
    (tmp_path / "run" / "predictor" / "predictor.json").unlink()
    write_predictor(tmp_path / "run" / "predictor", make, SIDE, fold_models=3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(imbclf.prediction.export.export, "CALIBRATION", 32)
    assert call("export", "ckpt=run", "out=out", "int8=true", "images=100") == 0
    sheet = json.loads((tmp_path / "out" / "export.json").read_text())
    assert sheet["check"]["source"] == "of the run"
    assert sheet["speed"]["model.int8.onnx"]["bytes"] < 0.4 * sheet["speed"]["model.onnx"]["bytes"]
    assert "int8         HTER" in capsys.readouterr().out
    images = drawn_images(50, (SIDE, SIDE), seed=3)
    exact, rounded = (
        open_graph(tmp_path / "out" / name)(images) for name in ("model.onnx", "model.int8.onnx")
    )
    error = np.abs(exact["logits"] - rounded["logits"])
    assert 0 < error.mean() < 0.5 * exact["logits"].std()


def test_slices_of_known_images() -> None:
    known = KnownImages(np.zeros((3, 2, 2, 3), np.uint8), np.array([0, 1, 0]), np.array([2, 1, 0]))
    assert known.take(slice(1, None)).folds.tolist() == [1, 0]
