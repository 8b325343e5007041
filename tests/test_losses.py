"""What every loss in conf/loss must keep to, and what each is worth by independent arithmetic."""

import copy
import inspect
import math
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn
from torchvision.ops import sigmoid_focal_loss

from imbclf.errors import UserError
from imbclf.losses import (
    FocalLoss,
    WeightedBCE,
    balanced_weights,
    focal_loss,
    minority_weights,
    weighted_bce,
)
from imbclf.torch_losses import TORCH_LOSSES, TorchLoss

CONF = Path(__file__).parents[1] / "conf" / "loss"
COUNTS = (12, 88)
# For the options that a YAML leaves open: every composition to be put through the contract.
FILLED = {"torch": [{"name": name} for name in TORCH_LOSSES]}
MEMBERS = [
    pytest.param(path, options, id="-".join([path.stem, *options.values()]))
    for path in sorted(CONF.rglob("*.yaml"))
    if not path.stem.startswith("_")
    for options in FILLED.get(path.stem, [{}])
]
# Options under which a loss is plain cross-entropy.
NEUTRAL: dict[str, dict[str, float | str | None]] = {
    "bce": {},
    "weighted_bce": {"minority_weight": 1},
    "focal": {"gamma": 0, "minority_alpha": None},
    "torch": {"name": "BCEWithLogitsLoss"},
}
# Losses that say nothing of the minority.
ONE_CLASS = {"svdd"}
every_loss = pytest.mark.parametrize(("path", "options"), MEMBERS)
Options = dict[str, float | str | None]


def build(path: Path, options: Options, counts: tuple[int, int] = COUNTS) -> nn.Module:
    """Make a loss as the training command does: class counts for those that ask for them."""
    factory = instantiate(OmegaConf.load(path), **options, _convert_="all")
    wants_counts = "class_counts" in inspect.signature(factory).parameters
    loss: nn.Module = factory(class_counts=counts) if wants_counts else factory()
    return loss


def batch(images: int = 24, spread: float = 3.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = spread * torch.randn(images, generator=generator, dtype=torch.float64)
    return logits, (torch.arange(images) % 3 > 0).double()


def finite_with_gradient(loss: nn.Module, logits: Tensor, targets: Tensor) -> float:
    logits = logits.detach().requires_grad_()
    value = loss(logits, targets)
    assert value.ndim == 0
    (gradient,) = torch.autograd.grad(value, logits)
    assert value.isfinite()
    assert gradient.isfinite().all()
    return float(value.detach())


def test_all_yamls_are_found() -> None:
    found = {param.values[0].stem for param in MEMBERS}  # type: ignore[union-attr]
    assert found >= {"bce", "weighted_bce", "focal", "torch"}
    for path in CONF.rglob("*.yaml"):
        assert OmegaConf.select(OmegaConf.load(path), "_partial_") is True, path


@every_loss
def test_gradient_is_the_slope(path: Path, options: Options) -> None:
    loss = build(path, options)
    logits, targets = batch()
    assert torch.autograd.gradcheck(lambda f: loss(f, targets), logits.requires_grad_())


@every_loss
@pytest.mark.parametrize("label", [0, 1])
def test_a_logit_towards_the_label_never_costs(path: Path, options: Options, label: int) -> None:
    loss = build(path, options)
    logits, targets = batch()
    image = targets.tolist().index(label)
    steps = torch.linspace(-12, 12, 97, dtype=torch.float64)
    values = torch.stack(
        [loss(logits.index_fill(0, torch.tensor(image), step), targets) for step in steps.tolist()]
    )
    slopes = len(logits) * values.diff() * (1 if label else -1)
    assert (slopes <= 1e-12).all()
    if path.stem in ONE_CLASS and label == 0:
        assert (slopes == 0).all()
        return
    assert slopes[47] < -1e-3  # up to 0
    assert slopes[48] < -1e-3  # from 0 on


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_huge_logits_stay_finite(path: Path, options: Options, dtype: torch.dtype) -> None:
    loss = build(path, options)
    logits = torch.tensor([-1e4, 1e4, -1e4, 1e4, -90.0, 90.0, 0.0, 0.0], dtype=dtype)
    targets = torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0])
    finite_with_gradient(loss, logits, targets)


@every_loss
def test_half_precision_and_autocast_agree_with_full(path: Path, options: Options) -> None:
    loss = build(path, options)
    logits, targets = batch()
    logits, targets = logits.bfloat16(), targets.float()
    full = finite_with_gradient(loss, logits.double(), targets.double())
    assert finite_with_gradient(loss, logits, targets) == pytest.approx(full, rel=1e-2)
    with torch.autocast("cpu", torch.bfloat16):
        assert finite_with_gradient(loss, logits.float(), targets) == pytest.approx(full, rel=1e-5)
        assert finite_with_gradient(loss, logits, targets) == pytest.approx(full, rel=1e-2)


@every_loss
@pytest.mark.parametrize("images", [1, 5])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_or_one_image(path: Path, options: Options, images: int, label: float) -> None:
    logits, _ = batch(images)
    finite_with_gradient(build(path, options), logits, torch.full((images,), label))


@every_loss
def test_order_does_not_matter(path: Path, options: Options) -> None:
    loss = build(path, options)
    logits, targets = batch()
    order = torch.randperm(len(logits), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(loss(logits[order], targets[order]), loss(logits, targets))


@every_loss
def test_the_minority_is_whichever_label_is_rarer(path: Path, options: Options) -> None:
    logits, targets = batch()
    mirrored = build(path, options, (COUNTS[1], COUNTS[0]))(-logits, 1 - targets)
    torch.testing.assert_close(mirrored, build(path, options)(logits, targets))


@every_loss
def test_instances_share_no_state(path: Path, options: Options) -> None:
    logits, targets = batch()
    loss = build(path, options)
    before = loss(logits, targets)
    other = build(path, options, (70, 30))
    set_progress = getattr(other, "set_progress", None)
    if callable(set_progress):
        set_progress(1.0)
    other(-logits, targets)
    assert loss(logits, targets) == before
    assert build(path, options)(logits, targets) == before


@every_loss
def test_copies_and_pickles_are_the_same_loss(path: Path, options: Options) -> None:
    loss = build(path, options)
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert twin(*batch()) == loss(*batch())


@pytest.mark.parametrize("name", sorted(NEUTRAL))
def test_neutral_options_leave_plain_cross_entropy(name: str) -> None:
    logits, targets = batch()
    plain = nn.functional.binary_cross_entropy_with_logits(logits, targets)
    torch.testing.assert_close(build(CONF / f"{name}.yaml", NEUTRAL[name])(logits, targets), plain)


def by_hand(weights: tuple[float, float], gamma: float, logits: Tensor, targets: Tensor) -> float:
    total = 0.0
    for logit, target in zip(logits.tolist(), targets.tolist(), strict=True):
        probability = 1 / (1 + math.exp(-logit))
        of_truth = probability if target == 1 else 1 - probability
        total += weights[int(target)] * (1 - of_truth) ** gamma * -math.log(of_truth)
    return total / len(logits)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (10.0, 1.0), (0.3, 0.7)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_weighted_bce_by_hand(weights: tuple[float, float], dtype: torch.dtype) -> None:
    logits, targets = batch()
    value = weighted_bce(logits, targets.to(dtype), *weights)
    assert float(value) == pytest.approx(by_hand(weights, 0, logits, targets))


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.25, 0.75)])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_focal_loss_by_hand(weights: tuple[float, float], gamma: float, dtype: torch.dtype) -> None:
    logits, targets = batch()
    value = focal_loss(logits, targets.to(dtype), gamma, *weights)
    assert float(value) == pytest.approx(by_hand(weights, gamma, logits, targets))


@pytest.mark.parametrize("alpha", [0.25, 0.9])
def test_focal_loss_agrees_with_torchvision(alpha: float) -> None:
    logits, targets = batch()
    oracle = sigmoid_focal_loss(logits, targets, alpha, gamma=2.0, reduction="mean")
    rare_ones = FocalLoss((88, 12), minority_alpha=alpha)
    rare_zeros = FocalLoss((12, 88), minority_alpha=1 - alpha)
    torch.testing.assert_close(rare_ones(logits, targets), oracle)
    torch.testing.assert_close(rare_zeros(logits, targets), oracle)


def test_slope_of_focal_loss_survives_underflow() -> None:
    loss = FocalLoss(COUNTS, gamma=0.5)
    finite_with_gradient(loss, torch.tensor([1e4, -1e4, 200.0]), torch.tensor([1.0, 0.0, 1.0]))


def test_a_soft_label_is_a_mixture_of_both() -> None:
    logits, _ = batch()
    zeros, ones, soft = (torch.full_like(logits, y) for y in (0.0, 1.0, 0.3))
    for loss in (WeightedBCE(COUNTS), FocalLoss(COUNTS)):
        expected = 0.7 * loss(logits, zeros) + 0.3 * loss(logits, ones)
        torch.testing.assert_close(loss(logits, soft), expected)


def test_minority_weight_is_given_to_the_rarer_label_alone() -> None:
    assert WeightedBCE((12, 88), minority_weight=10).weights == (10, 1)
    assert WeightedBCE((88, 12), minority_weight=10).weights == (1, 10)
    assert minority_weights((50, 50), 10, 1) == (10, 1)


@pytest.mark.parametrize("counts", [(12, 88), (1, 1), (90, 3)])
def test_balanced_classes_weigh_the_same_and_one_in_the_mean(counts: tuple[int, int]) -> None:
    weights = balanced_weights(counts)
    assert WeightedBCE(counts).weights == weights
    sums = [count * weight for count, weight in zip(counts, weights, strict=True)]
    assert sums[0] == pytest.approx(sums[1])
    assert sum(sums) == pytest.approx(sum(counts))


SIGMOID = torch.sigmoid
ORACLES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "MarginRankingLoss": lambda f, s: (1 - s * f).relu(),
    "MultiMarginLoss": lambda f, s: (1 - s * f).relu() / 2,
    "MSELoss": lambda f, s: SIGMOID(-s * f) ** 2,
    "HuberLoss": lambda f, s: SIGMOID(-s * f) ** 2 / 2,
    "SmoothL1Loss": lambda f, s: SIGMOID(-s * f) ** 2 / 2,
    "L1Loss": lambda f, s: SIGMOID(-s * f),
    "HingeEmbeddingLoss": lambda f, s: SIGMOID(-s * f),
}


def cross_entropy(logits: Tensor, signs: Tensor) -> Tensor:
    return (1 + torch.exp(-signs * logits)).log()


@pytest.mark.parametrize("name", sorted(TORCH_LOSSES))
def test_torch_losses_are_what_they_should_be_for_one_logit(name: str) -> None:
    logits, targets = batch()
    expected = ORACLES.get(name, cross_entropy)(logits, 2 * targets - 1).mean()
    torch.testing.assert_close(TorchLoss(name)(logits, targets), expected)
    torch.testing.assert_close(TorchLoss(name)(logits, targets.long()), expected)


@pytest.mark.parametrize("name", ["NLLLoss", "MultiMarginLoss"])
def test_losses_of_classes_refuse_soft_labels(name: str) -> None:
    with pytest.raises(UserError, match="soft labels"):
        TorchLoss(name)(torch.zeros(2), torch.tensor([0.3, 1.0]))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: TorchLoss("softmarginlos"), r"loss\.name=softmarginlos: .*mean SoftMarginLoss\?"),
        (lambda: TorchLoss("TripletMarginLoss"), r"loss\.name=.* Expected one of BCELoss, .*NLLL"),
        (lambda: TorchLoss("Linear"), r"loss\.name=Linear"),
        (lambda: TorchLoss("zzz"), r"one logit per image\. Expected one of"),
        (lambda: WeightedBCE(COUNTS, minority_weight=0), r"loss\.minority_weight=0"),
        (lambda: WeightedBCE(COUNTS, minority_weight=math.nan), r"loss\.minority_weight=nan"),
        (lambda: FocalLoss(COUNTS, gamma=-1), r"loss\.gamma=-1: expected 0 or more"),
        (lambda: FocalLoss(COUNTS, minority_alpha=1.5), r"loss\.minority_alpha=1\.5"),
        (lambda: WeightedBCE((0, 5)), "0 of label 0 and 5 of label 1"),
        (lambda: FocalLoss((5, 0)), "5 of label 0 and 0 of label 1"),
    ],
)
def test_mistakes_are_named(make: Callable[[], nn.Module], told: str) -> None:
    with pytest.raises(UserError, match=told):
        make()


def test_losses_are_a_plain_library() -> None:
    code = (
        "import sys; from imbclf.losses import FocalLoss;"
        "print({'lightning', 'hydra', 'mlflow', 'omegaconf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
