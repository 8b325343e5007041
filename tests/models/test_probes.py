"""The regression that is kept beside the network in training, and what it looks at."""

import math
from pathlib import Path

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision.models import get_model

from helpers.commands import run, small
from helpers.probes import AsTheyAre
from imbclf.data.stratified import balanced_sample
from imbclf.errors import UserError
from imbclf.metrics.error_rates import binary_report
from imbclf.models.architecture import ProbeOption
from imbclf.models.build import build_backbone, rebuild_backbone
from imbclf.models.heads import CosineHead, HypersphereHead, NeighborsHead
from imbclf.models.probes.build import build_probe, with_probe
from imbclf.models.probes.patch_features import PatchProbe
from imbclf.models.probes.pretrained_features import StageProbe
from imbclf.models.stage_features import stage_features
from imbclf.prediction.decision_rule import CHECKPOINT_KEY, DecisionRule
from imbclf.prediction.fold_model import FoldModel, load_weights
from imbclf.prediction.fold_model_files import save_fold_model
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.scoring import score_images
from imbclf.training.initialization import prepare_probe
from imbclf.training.lightning_module import BinaryClassifier
from imbclf.training.lightning_warnings import silence_lightning
from imbclf.training.optim import OptimizerRecipe

NAME = "shufflenet_v2_x0_5"
CPU = torch.device("cpu")
RULE = DecisionRule(threshold=0.0, slope=1.0, intercept=0.0, temperature=1.0, prior=0.5)
LABELS = np.array([0] * 30 + [1] * 90)
PIXELS = np.random.default_rng(0).integers(0, 200, (120, 32, 32, 3), dtype=np.uint8)
PIXELS[LABELS == 1, :, :16] += 20


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "pretrained.pt"
    torch.save(get_model(NAME, weights=None).state_dict(), path)
    return path


def prepared(weights: Path, kind: ProbeOption = True) -> FoldModel:
    torch.manual_seed(1)
    backbone = build_backbone(NAME, weights=str(weights), probe=kind)
    probe = build_probe(backbone)
    assert isinstance(probe, StageProbe)
    prepare_probe(probe, backbone, PIXELS, LABELS, np.arange(120), CPU, "32-true", seed=0)
    return FoldModel(backbone, RULE, "fold_0", probe)


def gaussian_features(shift: float, seed: int = 0) -> tuple[Tensor, NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    labels = (generator.random(600) < 0.9).astype(np.int64)
    features = generator.normal(3.0, 2.0, (600, 40)) + shift * labels[:, None]
    return torch.tensor(features, dtype=torch.float32), labels


def test_stage_features_are_those_of_the_stages_one_by_one() -> None:
    network = get_model("resnet18", weights=None).eval()
    network.fc = nn.Identity()
    pixels = torch.randn(2, 3, 64, 48)
    given = network.maxpool(network.relu(network.bn1(network.conv1(pixels))))
    means, maxima = [], []
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        given = stage(given)
        means.append(given.mean(dim=(2, 3)))
        maxima.append(given.amax(dim=(2, 3)))
    expected = torch.cat([*means, *maxima[:3]], dim=1)
    torch.testing.assert_close(stage_features(network, pixels), expected)
    own = stage_features(network, pixels, maxima=False)
    torch.testing.assert_close(own, torch.cat(means, dim=1))


@pytest.mark.parametrize(
    ("option", "kind", "width"), [(True, "stages", 2336), ("maxima", "stage_maxima", 3648)]
)
def test_a_probe_keeps_the_features_that_its_run_was_made_with(
    option: ProbeOption, kind: str, width: int, weights: Path
) -> None:
    backbone = build_backbone(NAME, weights=str(weights), probe=option)
    again = rebuild_backbone(backbone.architecture)
    probe = build_probe(again)
    assert again.architecture["probe"] == kind
    assert probe is not None
    assert probe.weight.shape == (width,)


@pytest.mark.parametrize(
    ("name", "side", "width"),
    [("swin_t", 64, 2 * (384 + 768 + 768) + 768), ("vit_b_16", 224, 7 * 768)],
)
def test_of_transformers_positions_are_averaged_and_not_channels(
    name: str, side: int, width: int
) -> None:
    backbone = build_backbone(name)
    with torch.no_grad():
        pixels = torch.zeros(1, 3, side, side)
        assert stage_features(backbone.network.eval(), pixels).shape == (1, width)


def test_hooks_do_not_stay(weights: Path) -> None:
    network = build_backbone(NAME, weights=str(weights)).network
    stage_features(network.eval(), torch.zeros(1, 3, 32, 32))
    assert not any(module._forward_hooks for module in network.modules())


def test_the_fit_is_where_the_gradient_of_the_posterior_vanishes() -> None:
    features, labels = gaussian_features(shift=0.8)
    probe = AsTheyAre(width=40)
    probe.fit(features, labels)
    x = ((features - features.mean(0)) / features.std(0)).double().numpy()
    zero, one = np.bincount(labels)
    weight = np.where(labels == 0, 300 / zero, 300 / one)
    count = 4 * zero * one / 600
    error = weight * (expit(x @ probe.weight.double().numpy() + float(probe.bias)) - labels)
    likelihood = count / 600 * x.T @ error
    prior = 40 / 5 * probe.weight.double().numpy()
    np.testing.assert_allclose(likelihood + prior, 0, atol=2e-2)
    assert float(probe.weight.abs().max()) * 40 / 5 > 1  # so that the comparison says something
    assert abs(error.sum()) < 2e-2


def test_features_that_say_nothing_give_logits_near_zero() -> None:
    unseen = gaussian_features(0.0, seed=1)[0], gaussian_features(1.5, seed=1)[0]
    spreads = []
    for shift, features in zip((0.0, 1.5), unseen, strict=True):
        probe = AsTheyAre(width=40)
        probe.fit(*gaussian_features(shift))
        standardized = (features - probe.mean) / probe.deviation
        spreads.append(float((standardized @ probe.weight).std()))
    assert spreads[0] < 1
    assert spreads[1] > 2.5


@pytest.mark.parametrize("size", range(1, 9))
def test_the_sample_is_never_larger_than_asked_for(size: int) -> None:
    for labels in ([0, 1] * 4, [0] + [1] * 7, [1] * 2 + [0] * 6):
        drawn = balanced_sample(np.array(labels), size, seed=0)
        assert len(drawn) == len(set(drawn.tolist())) == size


def test_the_sample_holds_each_class_half_where_it_can() -> None:
    labels = np.repeat([0, 1], [30, 970])
    for size, zeros in ((1000, 30), (100, 30), (40, 20)):
        sample = balanced_sample(labels, size, seed=0)
        assert len(sample) == len(set(sample.tolist())) == size
        assert (labels[sample] == 0).sum() == zeros
        assert np.array_equal(sample, np.sort(sample))
    assert balanced_sample(labels, 40, 0).tolist() == balanced_sample(labels, 40, 0).tolist()
    assert balanced_sample(labels, 40, 0).tolist() != balanced_sample(labels, 40, 1).tolist()


@pytest.mark.filterwarnings("ignore")
def test_training_leaves_it_as_it_is_and_dev_scores_are_the_mean_of_both(weights: Path) -> None:
    recipe = OptimizerRecipe(torch.optim.SGD, lr=0.1)
    torch.manual_seed(1)
    backbone = build_backbone(NAME, weights=str(weights), probe=True)
    module = BinaryClassifier(backbone, nn.BCEWithLogitsLoss(), recipe)
    probe = module.probe
    assert isinstance(probe, StageProbe)
    prepare_probe(probe, backbone, PIXELS, LABELS, np.arange(120), CPU, "32-true", seed=0)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    assert not any(parameter.requires_grad for parameter in probe.parameters())
    module.train()
    assert not any(part.training for part in probe.modules())
    images = torch.from_numpy(PIXELS)
    shown = TensorDataset(images, torch.from_numpy(LABELS))
    batches = DataLoader(shown, batch_size=60)
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    silence_lightning()
    trainer = L.Trainer(max_epochs=1, accelerator="cpu", **options)  # type: ignore[arg-type]
    trainer.fit(module, DataLoader(shown, batch_size=60, shuffle=True), batches)
    for name, tensor in module.state_dict().items():
        if name.startswith("probe."):
            torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)
    changed = module.state_dict()["backbone.network.conv1.0.weight"]
    assert not changed.equal(before["backbone.network.conv1.0.weight"])
    network = with_probe(backbone, probe).eval()
    with torch.no_grad():
        trained = backbone.head(backbone.features(images))
        probed = probe(backbone.normalize(images))
        torch.testing.assert_close(backbone(images), trained)
        torch.testing.assert_close(network(images), (trained + probed) / 2)
        torch.testing.assert_close(module.eval()(images), (trained + probed) / 2)
        logits = torch.cat([network(batch) for batch, _ in batches]).double().numpy()
    auroc = binary_report(logits, LABELS, 0.0)["auroc"]
    assert module.epoch_metrics["dev/auroc"] == pytest.approx(auroc, abs=1e-9)


def test_a_backbone_computes_the_same_in_training_and_evaluation(weights: Path) -> None:
    backbone = prepared(weights).backbone
    for norm in backbone.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.track_running_stats, norm.running_mean, norm.running_var = False, None, None
    images = torch.from_numpy(PIXELS[:8])
    with torch.no_grad():
        torch.testing.assert_close(backbone.train()(images), backbone.eval()(images))


def test_prediction_can_leave_it_out(weights: Path, tmp_path: Path) -> None:
    model = prepared(weights)
    metadata = {"architecture": model.backbone.architecture, **RULE}
    metadata |= {"image_size": [32, 32], "label_names": ["bad", "good"], "epoch": 0}
    save_fold_model(tmp_path, 0, metadata, model.weights)
    state = {f"backbone.{name}": tensor for name, tensor in model.backbone.state_dict().items()}
    assert model.probe is not None
    probe = model.probe.state_dict(prefix="probe.")
    torch.save({CHECKPOINT_KEY: metadata, "state_dict": {**state, **probe}}, tmp_path / "new.ckpt")
    inside = {f"backbone.{name}": tensor for name, tensor in probe.items()}
    torch.save(
        {CHECKPOINT_KEY: metadata, "state_dict": {**state, **inside}}, tmp_path / "version_0_1.ckpt"
    )

    both = score_images(model.network, PIXELS, np.arange(120), CPU)
    alone = score_images(model.backbone, PIXELS, np.arange(120), CPU)
    assert not np.allclose(both, alone, atol=0.1)
    for load, path in (
        (Predictor.load, tmp_path),
        (Predictor.from_checkpoint, tmp_path / "new.ckpt"),
        (Predictor.from_checkpoint, tmp_path / "version_0_1.ckpt"),
    ):
        np.testing.assert_array_equal(load(path).predict_pixels(PIXELS).logits[:, 0], both)
        without = load(path, probe=False)
        assert without.fold_models[0].probe is None
        np.testing.assert_array_equal(without.predict_pixels(PIXELS).logits[:, 0], alone)


def test_a_checkpoint_of_version_0_1_is_resumed_with_its_probe(weights: Path) -> None:
    backbone = build_backbone(NAME, weights=str(weights), probe=True)
    recipe = OptimizerRecipe(torch.optim.SGD, lr=0.1)
    module = BinaryClassifier(backbone, nn.BCEWithLogitsLoss(), recipe)
    state = module.state_dict()
    old = {
        f"backbone.{name}" if name.startswith("probe.") else name: tensor
        for name, tensor in state.items()
    }
    assert old.keys() != state.keys()
    checkpoint = {"state_dict": old, "current_model_state": old}
    module.on_load_checkpoint(checkpoint)
    for renamed in checkpoint.values():
        module.load_state_dict(renamed)


def test_weights_of_a_probe_that_the_architecture_does_not_name_are_refused(weights: Path) -> None:
    model = prepared(weights)
    backbone = build_backbone(NAME)
    with pytest.raises(RuntimeError, match="probe"):
        load_weights(backbone, None, model.weights)


def test_it_is_fitted_to_the_given_rows_alone(weights: Path) -> None:
    backbone = build_backbone(NAME, weights=str(weights), probe=True)
    rows = np.r_[0:20, 30:90]
    others = np.setdiff1d(np.arange(120), rows)
    found = []
    for value in (0, 255):
        pixels = PIXELS.copy()
        pixels[others] = value
        probe = build_probe(backbone)
        assert probe is not None
        prepare_probe(probe, backbone, pixels, LABELS, rows, CPU, "32-true", seed=0)
        found.append(probe.weight.clone())
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    assert found[0].any()


@pytest.mark.parametrize("kind", [True, "maxima", "kernels"])
def test_it_tells_classes_apart_that_the_untrained_head_cannot(
    weights: Path, kind: ProbeOption
) -> None:
    network = prepared(weights, kind).network
    logits = score_images(network, PIXELS, np.arange(120), CPU)
    assert binary_report(logits, LABELS, 0.0)["auroc"] > 0.8


@pytest.mark.parametrize("kind", [True, "maxima", "kernels"])
def test_it_is_built_again_with_the_backbone(weights: Path, kind: ProbeOption) -> None:
    model = prepared(weights, kind)
    again = rebuild_backbone(model.backbone.architecture)
    probe = build_probe(again)
    load_weights(again, probe, model.weights)
    images = torch.from_numpy(PIXELS[:4])
    with torch.no_grad():
        found = with_probe(again, probe).eval()(images)
        torch.testing.assert_close(found, model.network.eval()(images), rtol=0, atol=0)


def test_of_files_with_older_words_the_probe_is_known() -> None:
    stored = build_backbone(NAME).architecture
    older = {key: value for key, value in stored.items() if key != "probe"}
    assert build_probe(rebuild_backbone(older)) is None
    assert build_probe(rebuild_backbone({**older, "probe": False})) is None
    assert isinstance(build_probe(rebuild_backbone({**older, "probe": True})), StageProbe)
    assert isinstance(build_probe(rebuild_backbone({**older, "probe": "patches"})), PatchProbe)


@pytest.mark.parametrize("head", [HypersphereHead, NeighborsHead])
def test_distances_are_not_averaged_with_log_odds(weights: Path, head: type) -> None:
    with pytest.raises(UserError, match=r"model\.probe=true: head="):
        build_backbone(NAME, weights=str(weights), head=head, probe=True)
    cosine = build_backbone(NAME, weights=str(weights), head=CosineHead, probe=True)
    assert build_probe(cosine) is not None


@pytest.mark.parametrize("pretrained", [True, False])
def test_a_run_with_a_probe_predicts_what_it_reported(
    weights: Path, tmp_path: Path, pretrained: bool
) -> None:
    folder = tmp_path / "images"
    (folder / "train_img").mkdir(parents=True)
    for number, image in enumerate(PIXELS, 1):
        Image.fromarray(image).save(folder / "train_img" / f"{number}.png")
    (folder / "label_train.txt").write_text("\n".join(map(str, LABELS)) + "\n")
    arguments = small(
        folder,
        f"model.weights={weights if pretrained else 'null'}",
        "model.probe=true",
        "cv.fold=0",
        "trainer.max_epochs=1",
        "trainer.precision=32",
        "tracking=none",
        "hydra.run.dir=one",
    )
    done = run("train", *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    predictor = Predictor.load(tmp_path / "one" / "predictor")
    fold_model = predictor.fold_models[0]
    assert isinstance(fold_model.probe, StageProbe if pretrained else PatchProbe)
    scores = pd.read_csv(tmp_path / "one" / "fold_0" / "scores.csv")
    rows = np.array([int(Path(name).stem) - 1 for name in scores["file"]])
    logits = score_images(fold_model.network, PIXELS, rows, CPU)
    column = "logit" if "logit" in scores else "score"
    np.testing.assert_allclose(logits, scores[column], atol=1e-4)
    assert math.isfinite(fold_model.rule["threshold"])
