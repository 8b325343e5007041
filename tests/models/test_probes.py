"""The regression that is kept beside the network in training, and what it looks at."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit
from torch import Tensor, nn
from torchvision.models import get_model

from helpers.commands import run, small
from imbclf.data.stratified import balanced_sample
from imbclf.errors import UserError
from imbclf.metrics.error_rates import binary_report
from imbclf.models.backbone import Backbone, build_backbone, rebuild_backbone
from imbclf.models.heads import CosineHead, HypersphereHead, NeighborsHead
from imbclf.models.probes.base import Probe
from imbclf.models.probes.patch_features import PatchProbe
from imbclf.models.probes.pretrained_features import StageProbe, stage_features
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.scoring import score_images
from imbclf.training.initialization import prepare_probe

NAME = "shufflenet_v2_x0_5"
CPU = torch.device("cpu")
LABELS = np.array([0] * 30 + [1] * 90)
PIXELS = np.random.default_rng(0).integers(0, 200, (120, 32, 32, 3), dtype=np.uint8)
PIXELS[LABELS == 1, :, :16] += 20


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "pretrained.pt"
    torch.save(get_model(NAME, weights=None).state_dict(), path)
    return path


def prepared(weights: Path) -> Backbone:
    torch.manual_seed(1)
    backbone = build_backbone(NAME, weights=str(weights), probe=True)
    prepare_probe(backbone, PIXELS, LABELS, np.arange(120), CPU, "32-true", seed=0)
    return backbone


class AsTheyAre(Probe):
    """A probe whose features are what it is given."""

    def describe(self, pixels: Tensor) -> Tensor:
        return pixels

    def learn_features(self, network: nn.Module, pixels: Tensor, seed: int) -> None:
        pass


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
    expected = []
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        given = stage(given)
        expected.append(given.mean(dim=(2, 3)))
    torch.testing.assert_close(stage_features(network, pixels), torch.cat(expected, dim=1))


@pytest.mark.parametrize(
    ("name", "side", "width"),
    [("swin_t", 64, 384 + 768 + 768 + 768), ("vit_b_16", 224, 4 * 768)],
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


def test_it_speaks_in_evaluation_alone_and_never_changes(weights: Path) -> None:
    backbone = prepared(weights)
    assert backbone.probe is not None
    before = {name: tensor.clone() for name, tensor in backbone.probe.state_dict().items()}
    assert not any(parameter.requires_grad for parameter in backbone.probe.parameters())
    images = torch.from_numpy(PIXELS)
    backbone.train()
    assert not any(module.training for module in backbone.probe.modules())
    optimizer = torch.optim.SGD(backbone.network.parameters(), lr=0.1)
    backbone(images).sum().backward()
    optimizer.step()
    for name, tensor in backbone.probe.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)
    backbone.eval()
    with torch.no_grad():
        trained = backbone.head(backbone.features(images))
        probed = backbone.probe(backbone.normalize(images))
        torch.testing.assert_close(backbone(images), (trained + probed) / 2)


def test_it_is_fitted_to_the_given_rows_alone(weights: Path) -> None:
    backbone = build_backbone(NAME, weights=str(weights), probe=True)
    rows = np.r_[0:20, 30:90]
    others = np.setdiff1d(np.arange(120), rows)
    found = []
    for value in (0, 255):
        pixels = PIXELS.copy()
        pixels[others] = value
        prepare_probe(backbone, pixels, LABELS, rows, CPU, "32-true", seed=0)
        assert backbone.probe is not None
        found.append(backbone.probe.weight.clone())
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    assert found[0].any()


def test_it_tells_classes_apart_that_the_untrained_head_cannot(weights: Path) -> None:
    backbone = prepared(weights)
    logits = score_images(backbone, PIXELS, np.arange(120), CPU)
    assert binary_report(logits, LABELS, 0.0)["auroc"] > 0.8


def test_it_is_built_again_with_the_backbone(weights: Path) -> None:
    backbone = prepared(weights).eval()
    again = rebuild_backbone(backbone.architecture)
    again.load_state_dict(backbone.state_dict())
    images = torch.from_numpy(PIXELS[:4])
    with torch.no_grad():
        torch.testing.assert_close(again.eval()(images), backbone(images), rtol=0, atol=0)


def test_of_files_with_older_words_the_probe_is_known() -> None:
    stored = build_backbone(NAME).architecture
    older = {key: value for key, value in stored.items() if key != "probe"}
    assert rebuild_backbone(older).probe is None
    assert rebuild_backbone({**older, "probe": False}).probe is None
    assert isinstance(rebuild_backbone({**older, "probe": True}).probe, StageProbe)
    assert isinstance(rebuild_backbone({**older, "probe": "patches"}).probe, PatchProbe)


@pytest.mark.parametrize("head", [HypersphereHead, NeighborsHead])
def test_distances_are_not_averaged_with_log_odds(weights: Path, head: type) -> None:
    with pytest.raises(UserError, match=r"model\.probe=true: head="):
        build_backbone(NAME, weights=str(weights), head=head, probe=True)
    assert build_backbone(NAME, weights=str(weights), head=CosineHead, probe=True).probe is not None


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
    member = predictor.fold_models[0]
    assert isinstance(member.backbone.probe, StageProbe if pretrained else PatchProbe)
    scores = pd.read_csv(tmp_path / "one" / "fold_0" / "scores.csv")
    rows = np.array([int(Path(name).stem) - 1 for name in scores["file"]])
    logits = score_images(member.backbone, PIXELS, rows, CPU)
    column = "logit" if "logit" in scores else "score"
    np.testing.assert_allclose(logits, scores[column], atol=1e-4)
    assert math.isfinite(member.rule["threshold"])
