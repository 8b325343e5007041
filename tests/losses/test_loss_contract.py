"""What every loss in conf/loss must keep to; a new YAML is found and tested by itself."""

import copy
import inspect
import math
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn

from helpers.loss_batches import COUNTS, batch, finite_with_gradient
from imbclf.losses import TORCH_LOSSES
from imbclf.testing import check_loss

CONF = Path(__file__).parents[2] / "conf" / "loss"
Options = Mapping[str, float | str | None]
# For the options that a YAML leaves open: every composition to be put through the contract.
FILLED = {"torch": [{"name": name} for name in TORCH_LOSSES]}
MEMBERS = [
    pytest.param(path, options, id="-".join([path.stem, *options.values()]))
    for path in sorted(CONF.rglob("*.yaml"))
    if not path.stem.startswith("_")
    for options in FILLED.get(path.stem, [{}])
]
# Options under which a loss is plain cross-entropy.
NEUTRAL: dict[str, Options] = {
    "bce": {},
    "weighted_bce": {"minority_weight": 1},
    "class_balanced": {"beta": 0},
    "focal": {"gamma": 0, "minority_alpha": None},
    "logit_adjusted": {"tau": 0},
    "vs": {"tau": 0, "gamma": 0},
    "cdt": {"gamma": 0},
    "ldam": {"max_margin": 0, "minority_weight": 1},
    "asymmetric": {"gamma_majority": 0, "gamma_minority": 0, "clip": 0},
    "smoothing": {"smoothing_majority": 0},
    "gce": {"q": 0},
    "torch": {"name": "BCEWithLogitsLoss"},
}
# These rank and know no cross-entropy; soft_hter has that of balanced batches, tested by itself.
WITHOUT_NEUTRAL = {"pairwise_auc", "aucm", "soft_hter", "svdd"}
# Losses that say nothing of the minority, label 0 in these tests.
ONE_CLASS = {"svdd"}
# Where an image of label 0 and of label 1 costs least, if that is not at -inf and +inf:
# a smoothed label has an optimum of its own, log((1 - e) / e) towards the label. (AUCM has one too
# once its a, b and alpha have moved: tests/test_loss_ranking.py.)
CHEAPEST = {"smoothing": (-math.inf, math.log(9))}
every_loss = pytest.mark.parametrize(("path", "options"), MEMBERS)
deferred_losses = pytest.mark.parametrize(
    "path",
    [
        pytest.param(p, id=p.stem)
        for p in sorted(CONF.glob("*.yaml"))
        if "start_at" in p.read_text()
    ],
)


def build(
    path: Path, options: Options, counts: tuple[int, int] = COUNTS, progress: float | None = 1.0
) -> nn.Module:
    """Make a loss as the training command does, with schedules where they end up."""
    factory = instantiate(OmegaConf.load(path), **options, _convert_="all")
    wants_counts = "class_counts" in inspect.signature(factory).parameters
    loss: nn.Module = factory(class_counts=counts) if wants_counts else factory()
    set_progress = getattr(loss, "set_progress", None)
    if callable(set_progress) and progress is not None:
        set_progress(progress)
    return loss


def test_all_yamls_are_found() -> None:
    found = {param.values[0].stem for param in MEMBERS}  # type: ignore[union-attr]
    assert found == {*NEUTRAL, *WITHOUT_NEUTRAL}
    for path in CONF.rglob("*.yaml"):
        assert OmegaConf.select(OmegaConf.load(path), "_partial_") is True, path


@every_loss
def test_each_passes_the_check_that_users_have(path: Path, options: Options) -> None:
    factory = instantiate(OmegaConf.load(path), **options, _convert_="all")
    check_loss(factory, soft_labels=True)


class Inverted(nn.Module):
    """Of the wrong sign, which trains and ranks backwards."""

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(-logits, targets)


class Broadcasting(nn.Module):
    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.softplus(-(2 * targets - 1) * logits).mean()


class OfBothLabels(nn.Module):
    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        if logits.shape != targets.shape:
            raise ValueError("not the same shape")
        return (logits[targets == 0].mean() - logits[targets == 1].mean()).exp()


class Overflowing(nn.Module):
    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        if logits.shape != targets.shape:
            raise ValueError("not the same shape")
        return ((1 + (-(2 * targets - 1) * logits).exp()).log()).mean()


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (lambda: nn.BCEWithLogitsLoss(reduction="none"), r"one number.*returned \[8\]"),
        (Inverted, "log-odds of label 1"),
        (Broadcasting, r"labels \[N, 1\] have to be refused"),
        (OfBothLabels, "finite for a batch of label 0 alone"),
        (Overflowing, "logits of about 100"),
        (lambda: 3, "it is a int"),
    ],
)
def test_the_check_names_what_is_broken(loss: Callable[[], nn.Module], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_loss(loss)


@every_loss
def test_shapes_that_would_be_broadcast_are_refused(path: Path, options: Options) -> None:
    loss = build(path, options)
    logits, targets = batch()
    for one, other in (
        (logits, targets[:, None]),
        (logits[:, None], targets),
        (logits, targets[:1]),
    ):
        with pytest.raises(ValueError, match=r"same (shape|as input size)"):  # bce is torch's own
            loss(one, other)


@every_loss
def test_gradient_is_the_slope(path: Path, options: Options) -> None:
    loss = build(path, options)
    logits, targets = batch()
    assert torch.autograd.gradcheck(lambda f: loss(f, targets), logits.requires_grad_())


@every_loss
@pytest.mark.parametrize("label", [0, 1])
def test_a_logit_towards_the_label_never_raises_the_loss(
    path: Path, options: Options, label: int
) -> None:
    loss = build(path, options)
    logits, targets = batch()
    image = targets.tolist().index(label)
    steps = torch.linspace(-12, 12, 97, dtype=torch.float64)
    values = torch.stack(
        [loss(logits.index_fill(0, torch.tensor(image), step), targets) for step in steps.tolist()]
    ).detach()
    towards = 1 if label else -1
    slopes = len(logits) * values.diff() * towards
    if path.stem in ONE_CLASS and label == 0:
        assert (slopes == 0).all()
        return
    cheapest = CHEAPEST.get(path.stem, (-math.inf, math.inf))[label]
    # The steps before the optimum, those beyond it, and not the one that contains it.
    before = torch.maximum(towards * steps[1:], towards * steps[:-1]) <= towards * cheapest
    beyond = torch.minimum(towards * steps[1:], towards * steps[:-1]) >= towards * cheapest
    assert int(before.sum() + beyond.sum()) >= len(steps) - 2
    assert (slopes[before] <= 1e-12).all()
    assert (slopes[beyond] > 1e-3).all()
    assert slopes[47] < -1e-3  # up to 0
    assert slopes[48] < -1e-3  # from 0 on


@every_loss
def test_separating_the_classes_from_equal_scores_lowers_the_loss(
    path: Path, options: Options
) -> None:
    loss = build(path, options)
    _, targets = batch()
    together = torch.zeros_like(targets)
    for label in (0, 1):
        one_class = (targets == label) * (2 * label - 1)
        gain = loss(together, targets) - loss(together + 0.25 * one_class, targets)
        assert gain == 0 if path.stem in ONE_CLASS and label == 0 else gain > 1e-3


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
@pytest.mark.parametrize("label", [0.0, 1.0, 0.3])
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
def test_a_soft_label_is_as_many_copies_of_either_label(path: Path, options: Options) -> None:
    loss = build(path, options)
    logits, _ = batch(7)
    tenths = torch.tensor([0, 3, 10, 5, 1, 8, 10])
    copies = [float(copy < count) for count in tenths.tolist() for copy in range(10)]
    expected = loss(logits.repeat_interleave(10), torch.tensor(copies).double())
    torch.testing.assert_close(loss(logits, tenths.double() / 10), expected)


@every_loss
def test_instances_share_no_state(path: Path, options: Options) -> None:
    logits, targets = batch()
    loss = build(path, options, progress=None)
    before = loss(logits, targets)
    other = build(path, options, (70, 30), progress=1.0)
    other(-logits, targets)
    for parameter in other.parameters():
        parameter.data.add_(1)
    assert loss(logits, targets) == before
    assert build(path, options, progress=None)(logits, targets) == before


@every_loss
@pytest.mark.parametrize("progress", [0.3, 1.0])
def test_copies_and_pickles_are_the_same_loss(
    path: Path, options: Options, progress: float
) -> None:
    loss = build(path, options, progress=progress)
    for twin in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert twin(*batch()) == loss(*batch())


@pytest.mark.parametrize("name", sorted(NEUTRAL))
def test_neutral_options_leave_plain_cross_entropy(name: str) -> None:
    logits, targets = batch()
    path = CONF / f"{name}.yaml"
    plain = nn.functional.binary_cross_entropy_with_logits(logits, targets)
    torch.testing.assert_close(build(path, NEUTRAL[name])(logits, targets), plain)
    if name != "bce":
        another = {"torch": {"name": "MSELoss"}}.get(name, {})
        assert not torch.isclose(build(path, another)(logits, targets), plain, rtol=1e-3)


@deferred_losses
def test_deferred_weights_are_neutral_then_rise_then_full(path: Path) -> None:
    weight = {} if path.stem in ("class_balanced", "focal") else {"minority_weight": 5.0}
    schedule = {"start_at": 0.5, "ramp": 0.25, **weight}
    full = build(path, weight | {"start_at": 0.0}).weights
    assert full != (1, 1)
    for progress, share in ((0.0, 0), (0.49, 0), (0.5, 0), (0.625, 0.5), (0.75, 1), (1.0, 1)):
        loss = build(path, schedule, progress=progress)
        assert loss.weights == pytest.approx([1 + share * (w - 1) for w in full])  # type: ignore[union-attr]
    assert build(path, schedule, progress=None).weights == (1, 1)
    step = build(path, schedule | {"ramp": 0.0}, progress=0.5)
    assert step.weights == full
    # Weights are not only set but used: an image of each label costs its weight's share.
    for label in (0, 1):
        logits, targets = torch.tensor([0.4]), torch.tensor([float(label)])
        neutral = build(path, schedule, progress=0.0)(logits, targets)
        ratio = step(logits, targets) / neutral
        assert float(ratio) == pytest.approx(full[label])  # type: ignore[index]


def test_every_weighted_loss_can_be_deferred() -> None:
    offered = {path.stem for path in CONF.glob("*.yaml") if "start_at" in path.read_text()}
    taken = {
        path.stem
        for path in CONF.glob("*.yaml")
        if "weight" in path.read_text() or path.stem in ("focal", "class_balanced")
    }
    assert offered == taken


def test_losses_are_a_plain_library() -> None:
    code = (
        "import sys, torch\n"
        "from imbclf.losses import AUCMarginLoss, FocalLoss\n"
        "network = torch.nn.Linear(2, 1)\n"
        "for loss in (FocalLoss((3, 5)), AUCMarginLoss()):\n"
        "    loss(network(torch.ones(4, 2))[:, 0], torch.tensor([0, 1, 1, 1])).backward()\n"
        "    for parameter in [*network.parameters(), *loss.parameters()]:\n"
        "        parameter.data -= 0.1 * parameter.grad\n"
        "print({'lightning', 'hydra', 'mlflow', 'omegaconf'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
