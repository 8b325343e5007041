"""What every head in conf/head must keep to, and what each is worth by independent arithmetic."""

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import OmegaConf
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import LedoitWolf
from sklearn.neighbors import NearestNeighbors
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.errors import UserError
from imbclf.models.build import build_backbone, rebuild_backbone
from imbclf.models.heads import (
    HEADS,
    CosineHead,
    Entry,
    Head,
    HypersphereHead,
    LinearHead,
    MahalanobisHead,
    NeighborsHead,
    OneClassHead,
    minority_label,
    rebuild_head,
)
from imbclf.models.heads.hypersphere import keep_off_zero
from imbclf.models.heads.knn import CHUNK, mean_nearest
from imbclf.models.input_check import check_input
from imbclf.training.features import estimate_batchnorm_statistics, extract_features
from imbclf.training.initialization import prepare_head

CONF = Path(__file__).parents[2] / "conf" / "head"
WIDTH = 24
MEMBERS = sorted(path.stem for path in CONF.glob("*.yaml") if not path.stem.startswith("_"))
every_head = pytest.mark.parametrize("name", MEMBERS)
CPU = torch.device("cpu")


def factory(name: str, **options: object) -> Callable[..., Head]:
    made: Callable[..., Head] = instantiate(OmegaConf.load(CONF / f"{name}.yaml"), **options)
    return made


def features(images: int = 60, seed: int = 0, center: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(99))
    return center + 0.3 * torch.randn(images, WIDTH, generator=generator) @ mixing


def build(name: str, minority: int = 0) -> Head:
    torch.manual_seed(0)
    head = factory(name)(width=WIDTH)
    if isinstance(head, OneClassHead):
        head.prepare(features(), minority)
    return head


def test_all_yamls_are_found_and_named() -> None:
    assert set(MEMBERS) == set(HEADS)
    for name in MEMBERS:
        assert build(name).entry["name"] == name
        assert type(build(name)) is HEADS[name]


@every_head
@pytest.mark.parametrize("images", [0, 1, 7])
def test_one_finite_logit_per_image(name: str, images: int) -> None:
    for scale in (1.0, 1e4, 0.0):
        logits = build(name)(scale * features(images, seed=1))
        assert logits.shape == (images,)
        assert logits.dtype == torch.float32
        assert logits.isfinite().all()


@every_head
def test_images_are_judged_one_by_one(name: str) -> None:
    head, images = build(name), features(9, seed=1)
    together = head(images)
    alone = torch.cat([head(image[None]) for image in images])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-4)
    order = torch.randperm(9)
    torch.testing.assert_close(head(images[order]), together[order], rtol=1e-4, atol=1e-4)


@every_head
def test_trained_heads_have_the_gradient_that_is_the_slope(name: str) -> None:
    head = build(name).double()
    if not head.is_trained:
        assert not list(head.parameters())
        return
    images = features(5, seed=1).double().requires_grad_()
    inputs = (images, *head.parameters())
    assert all(parameter.requires_grad for parameter in head.parameters())
    assert torch.autograd.gradcheck(lambda x, *_: head(x), inputs)


@every_head
def test_entry_and_weights_make_it_again(name: str) -> None:
    head, images = build(name, minority=1), features(20, seed=1)
    entry = json.loads(json.dumps(head.entry))
    twin = rebuild_head(entry, WIDTH)
    twin.load_state_dict(head.state_dict())
    assert type(twin) is type(head)
    assert twin.entry == head.entry
    for other in (twin, copy.deepcopy(head), pickle.loads(pickle.dumps(head))):
        assert torch.equal(other(images), head(images))
        other.load_state_dict(head.state_dict())
        assert torch.equal(other(images), head(images))


@every_head
def test_in_a_backbone_scores_are_single_precision_and_survive_a_round_trip(name: str) -> None:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    labels = (np.arange(40) % 4 > 0).astype(np.int64)
    backbone = build_backbone("shufflenet_v2_x0_5", head=factory(name))
    check_input(backbone, 32, 32)
    prepare_head(backbone, pixels, labels, np.arange(40), CPU, "32-true", seed=0)
    images = torch.from_numpy(pixels[:6])
    backbone.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        entering, logits = backbone.features(images), backbone(images)
    assert entering.dtype == (torch.float32 if backbone.head.takes_stages else torch.bfloat16)
    assert logits.dtype == torch.float32
    with torch.no_grad():
        exact = backbone.head.double()(entering.double())
        backbone.head.float()
    torch.testing.assert_close(logits.double(), exact, rtol=1e-3, atol=1e-3)
    rebuilt = rebuild_backbone(json.loads(json.dumps(backbone.architecture))).eval()
    rebuilt.load_state_dict(backbone.state_dict())
    with torch.no_grad():
        assert torch.equal(rebuilt(images), backbone(images))


@every_head
def test_the_minority_is_far_away_whichever_label_it_has(name: str) -> None:
    zero, one = build(name, minority=0), build(name, minority=1)
    if not isinstance(zero, OneClassHead):
        return
    near, far = features(40, seed=1), features(40, seed=2, center=-4.0)
    assert torch.equal(zero(near), -one(near))
    assert torch.equal(zero(far), -one(far))
    assert zero(far).median() < zero(near).min() <= 0
    assert one(far).median() > one(near).max() >= 0


def test_the_sample_is_of_the_majority_bounded_and_drawn_from_the_seed() -> None:
    labels = np.array([1] * 70 + [0] * 30)[np.random.default_rng(0).permutation(100)]
    head = NeighborsHead(WIDTH, size=20)
    drawn = head.sample(labels, seed=3)
    assert len(drawn) == len(set(drawn.tolist())) == 20
    assert (labels[drawn] == 1).all()
    assert (np.diff(drawn) > 0).all()
    assert (drawn == head.sample(labels, seed=3)).all()
    assert (drawn != head.sample(labels, seed=4)).any()
    assert (head.sample(1 - labels, seed=3) == drawn).all()
    every = HypersphereHead(WIDTH).sample(labels, seed=0)
    assert every.tolist() == np.flatnonzero(labels == 1).tolist()
    assert minority_label(np.array([0, 1])) == 0


# Linear and cosine


def test_linear_head_is_what_a_linear_layer_computes() -> None:
    torch.manual_seed(5)
    head = LinearHead(WIDTH)
    torch.manual_seed(5)
    layer = nn.Linear(WIDTH, 1)
    nn.init.normal_(layer.weight, std=0.01)
    assert torch.equal(head.weight, layer.weight)
    assert list(head.state_dict()) == ["weight", "bias"]
    nn.init.normal_(head.bias)
    expected = F.linear(features(), head.weight, head.bias)[:, 0]
    torch.testing.assert_close(head(features()), expected)


def test_cosine_head_by_hand() -> None:
    head = CosineHead(WIDTH, scale=7.0)
    nn.init.constant_(head.bias, 0.5)
    weight = head.weight.detach().double().numpy()[0]
    for image, logit in zip(features().double().numpy(), head(features()).tolist(), strict=True):
        angle = image @ weight / np.linalg.norm(image) / np.linalg.norm(weight)
        assert logit == pytest.approx(7 * angle + 0.5, rel=1e-4, abs=1e-5)
    torch.testing.assert_close(head(1000 * features()), head(features()))


def test_features_of_zero_have_a_gradient() -> None:
    head, nothing = CosineHead(WIDTH), torch.zeros(2, WIDTH, requires_grad=True)
    logits = head(nothing)
    logits.sum().backward()
    assert nothing.grad is not None
    assert nothing.grad.isfinite().all()
    assert torch.equal(logits, torch.zeros(2))


# Hypersphere


def test_center_is_the_mean_projection_kept_off_zero() -> None:
    head = HypersphereHead(WIDTH, dimensions=16)
    head.prepare(features(), minority=1)
    mean = (features().double() @ head.projection.weight.double().T).mean(0)
    assert 0 < (mean.abs() < 0.1).sum() < 16
    for entry, expected in zip(head.center.tolist(), mean.tolist(), strict=True):
        if abs(expected) >= 0.1:
            assert entry == pytest.approx(expected, rel=1e-4)
        else:
            assert entry == pytest.approx(np.copysign(0.1, expected))
    assert not head.center.requires_grad
    assert keep_off_zero(torch.zeros(3)).tolist() == pytest.approx([0.1] * 3)


def test_hypersphere_head_by_hand() -> None:
    head = HypersphereHead(WIDTH, dimensions=3)
    head.prepare(features(), minority=1)
    projections = features().double() @ head.projection.weight.double().T
    expected = [
        sum((p - c) ** 2 for p, c in zip(row, head.center, strict=True)) for row in projections
    ]
    values = [float(value.detach()) for value in expected]
    assert head(features()).tolist() == pytest.approx(values, rel=1e-4)


@pytest.mark.parametrize("name", ["shufflenet_v2_x0_5", "squeezenet1_0", "resnet18"])
def test_under_a_hypersphere_no_constant_term_is_trained(name: str, tmp_path: Path) -> None:
    backbone = build_backbone(name, head=HypersphereHead)
    constant = [p for n, p in backbone.named_parameters() if n.rpartition(".")[2] == "bias"]
    assert constant
    assert not any(p.requires_grad or p.any() for p in constant)
    assert any(p.requires_grad for p in backbone.backbone_parameters())
    if name != "squeezenet1_0":
        return
    trained = build_backbone(name)
    for parameter in trained.network.parameters():
        nn.init.normal_(parameter)
    torch.save(trained.network.state_dict(), tmp_path / "weights.pth")
    kept = build_backbone(name, weights=str(tmp_path / "weights.pth"), head=HypersphereHead)
    for (key, parameter), twin in zip(
        kept.network.named_parameters(), trained.network.parameters(), strict=True
    ):
        assert torch.equal(parameter, twin)
        assert parameter.requires_grad == (not key.endswith("bias"))


# Neighbors


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("neighbors", [1, 5])
def test_neighbors_agree_with_scikit_learn(normalize: bool, neighbors: int) -> None:
    head = NeighborsHead(WIDTH, neighbors=neighbors, normalize=normalize)
    head.prepare(features(300), minority=1)
    known, asked = features(300).double().numpy(), features(2500, seed=1).double().numpy()
    assert len(asked) > 2 * CHUNK
    if normalize:
        known = known / np.linalg.norm(known, axis=1, keepdims=True)
        asked = asked / np.linalg.norm(asked, axis=1, keepdims=True)
    distances, _ = NearestNeighbors(n_neighbors=neighbors).fit(known).kneighbors(asked)
    scores = head(features(2500, seed=1)).double().numpy()
    np.testing.assert_allclose(scores, distances.mean(axis=1), rtol=1e-3)


def test_memory_is_bounded_by_a_chunk_of_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    cdist = torch.cdist

    def spy(left: Tensor, right: Tensor) -> Tensor:
        found = cdist(left, right)
        sizes.append(found.numel())
        return found

    monkeypatch.setattr(torch, "cdist", spy)
    mean_nearest(features(3000), features(50), 3)
    assert sum(sizes) == 3000 * 50
    assert max(sizes) <= CHUNK * 50


def test_a_core_set_smaller_than_asked_for_is_loaded_again() -> None:
    head = NeighborsHead(WIDTH, size=200)
    assert len(head.core) == 200
    head.prepare(features(7), minority=1)
    assert len(head.core) == 7
    twin = NeighborsHead(WIDTH, size=200)
    twin.load_state_dict(head.state_dict())
    assert torch.equal(twin(features(3, seed=1)), head(features(3, seed=1)))
    with pytest.raises(RuntimeError, match="core"):
        NeighborsHead(WIDTH + 1, size=200).load_state_dict(head.state_dict())
    with pytest.raises(RuntimeError, match="core"):
        NeighborsHead(WIDTH, size=6).load_state_dict(head.state_dict())


# Mahalanobis


@pytest.mark.parametrize("images", [300, 10])
def test_mahalanobis_agrees_with_its_definition(images: int) -> None:
    head = MahalanobisHead(WIDTH)
    head.prepare(features(images), minority=1)
    gaussian = LedoitWolf().fit(features(images).double().numpy())
    asked = features(20, seed=1)
    expected = [
        mahalanobis(image, gaussian.location_, gaussian.precision_)
        for image in asked.double().numpy()
    ]
    np.testing.assert_allclose(head(asked).double().numpy(), expected, rtol=1e-3)


def test_features_that_are_all_the_same_leave_a_gaussian() -> None:
    for constant in (torch.zeros(9, WIDTH), features(1).expand(9, WIDTH)):
        head = MahalanobisHead(WIDTH)
        head.prepare(constant, minority=1)
        assert head(features(3)).isfinite().all()


# Preparation


def drawn(images: int = 80) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    generator = np.random.default_rng(0)
    labels = (np.arange(images) % 5 == 0).astype(np.int64)
    return generator.integers(0, 256, (images, 32, 32, 3), dtype=np.uint8), labels


def test_preparation_looks_at_the_majority_of_the_given_rows_alone() -> None:
    pixels, labels = drawn()
    rows = np.arange(10, 50)
    others = pixels.copy()
    others[:10] = others[50:] = 0
    cores = []
    for images in (pixels, others):
        torch.manual_seed(0)
        backbone = build_backbone("shufflenet_v2_x0_5", head=NeighborsHead).train()
        prepare_head(backbone, images, labels, rows, CPU, "32-true", seed=0)
        assert isinstance(backbone.head, NeighborsHead)
        assert backbone.head.orientation == 1
        assert all(module.training for module in backbone.modules())
        cores.append(backbone.head.core)
    assert torch.equal(*cores)
    majority = rows[labels[rows] == 0]
    assert len(cores[0]) == len(majority)
    with torch.no_grad():
        expected = F.normalize(backbone.eval().features(torch.from_numpy(pixels[majority])))
    torch.testing.assert_close(cores[0], expected, rtol=1e-3, atol=1e-4)


def test_trained_heads_need_no_preparation() -> None:
    pixels, labels = drawn()
    backbone = build_backbone("shufflenet_v2_x0_5")
    before = copy.deepcopy(backbone.state_dict())
    prepare_head(backbone, pixels, labels, np.arange(80), CPU, "32-true", seed=0)
    assert all(torch.equal(before[key], t) for key, t in backbone.state_dict().items())


def test_only_normalizations_that_saw_nothing_settle() -> None:
    pixels, _ = drawn()
    backbone = build_backbone("shufflenet_v2_x0_5")
    assert extract_features(backbone, pixels, np.arange(80), CPU).std() < 1e-3
    estimate_batchnorm_statistics(backbone, pixels, np.arange(80), CPU, seed=0)
    spread = extract_features(backbone, pixels, np.arange(80), CPU).std(0).mean()
    with torch.no_grad():
        in_training = backbone.train().features(torch.from_numpy(pixels)).std(0).mean()
    assert float(spread) == pytest.approx(float(in_training), rel=0.1)
    before = copy.deepcopy(backbone.state_dict())
    estimate_batchnorm_statistics(backbone, pixels, np.arange(40), CPU, seed=1)
    assert all(torch.equal(before[key], t) for key, t in backbone.state_dict().items())
    momenta = {m.momentum for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)}
    assert momenta == {0.1}


# What is refused


class Foreign(Head):
    """A head that no table knows."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.entry = {"name": "linear", "width": width}


def not_a_head(width: int) -> Any:  # noqa: ANN401
    return nn.Linear(width, 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CosineHead(4, scale=0), r"head\.scale=0"),
        (lambda: CosineHead(4, scale=float("nan")), r"head\.scale=nan"),
        (lambda: HypersphereHead(4, dimensions=0), r"head\.dimensions=0"),
        (lambda: NeighborsHead(4, neighbors=0), r"head\.neighbors=0"),
        (lambda: NeighborsHead(4, neighbors=9, size=8), r"no more than head\.size=8"),
        (lambda: NeighborsHead(4, size=0), r"head\.size=0"),
        (lambda: MahalanobisHead(4, size=0), r"head\.size=0"),
        (
            lambda: rebuild_head({"name": "os.system"}, 4),
            r"head=os\.system: expected one of linear",
        ),
        (lambda: build_backbone("squeezenet1_1", head=Foreign), "head: Foreign is none of linear"),
        (lambda: build_backbone("squeezenet1_1", head=not_a_head), "Linear is none"),
    ],
)
def test_mistakes_are_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()


def test_a_description_without_a_head_means_a_linear_one() -> None:
    architecture: dict[str, Any] = dict(build_backbone("squeezenet1_1").architecture)
    del architecture["head"]
    assert isinstance(rebuild_backbone(architecture).head, LinearHead)


def test_weights_and_entries_of_version_0_1_are_read() -> None:
    head = HypersphereHead(width=4, dimensions=2)
    stored = {key.replace("center", "centre"): value for key, value in head.state_dict().items()}
    again = HypersphereHead(width=4, dimensions=2)
    again.load_state_dict(stored)
    torch.testing.assert_close(again.state_dict(), head.state_dict())
    entry: Entry = {"name": "neighbours", "neighbours": 3, "size": 10, "normalise": False}
    expected = {"name": "neighbors", "neighbors": 3, "size": 10, "normalize": False}
    assert rebuild_head(entry, width=4).entry == expected
