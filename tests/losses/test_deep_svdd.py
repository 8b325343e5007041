import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imbclf.errors import UserError
from imbclf.losses.deep_svdd import WINDOW, SVDDLoss
from imbclf.models.heads import HypersphereHead

COUNTS = (12, 88)


def batch(images: int = 40, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Logits as a hypersphere head with label 0 as the minority gives them, and targets."""
    generator = torch.Generator().manual_seed(seed)
    return -4 * torch.rand(images, generator=generator), (torch.arange(images) % 4 > 0).float()


def majority(logits: Tensor, targets: Tensor) -> list[float]:
    return [-f for f, y in zip(logits.tolist(), targets.tolist(), strict=True) if y == 1]


def test_the_loss_is_the_mean_squared_distance_of_the_majority() -> None:
    torch.manual_seed(0)
    head, images = HypersphereHead(6, dimensions=2), torch.randn(9, 6)
    targets = torch.tensor([0, 0, 0, 1, 0, 0, 1, 0, 0])
    head.prepare(images[targets == 0], minority=1)
    projections = images @ head.projection.weight.T
    squares = [float(((p - head.center) ** 2).sum().detach()) for p in projections[targets == 0]]
    loss = SVDDLoss((70, 20))
    assert float(loss(head(images), targets).detach()) == pytest.approx(sum(squares) / 7, rel=1e-5)
    head.prepare(images[targets == 0], minority=0)
    swapped = SVDDLoss((20, 70))(head(images), 1 - targets)
    assert float(swapped.detach()) == pytest.approx(sum(squares) / 7, rel=1e-5)


def test_the_soft_boundary_by_hand() -> None:
    loss = SVDDLoss(COUNTS, soft_boundary=True, nu=0.2)
    seen: list[float] = []
    for seed in range(5):
        radius_squared = float(np.quantile(seen[-88:], 0.8)) if seen else 0.0
        logits, targets = batch(seed=seed)
        own = majority(logits, targets)
        outside = sum(max(0.0, d - radius_squared) for d in own) / len(own)
        value = loss(logits, targets)
        assert float(value) == pytest.approx(radius_squared + outside / 0.2, rel=1e-5)
        seen += own
    assert len(seen) > 88
    assert float(loss.radius_squared) == pytest.approx(np.quantile(seen[-88:], 0.8), rel=1e-5)


def test_evaluation_keeps_the_radius_and_a_checkpoint_stores_it() -> None:
    loss = SVDDLoss(COUNTS, soft_boundary=True)
    loss(*batch())
    state = {key: tensor.clone() for key, tensor in loss.state_dict().items()}
    assert state["radius_squared"] > 0
    loss.eval()(*batch(seed=1))
    assert torch.equal(loss.radius_squared, state["radius_squared"])
    twin = SVDDLoss(COUNTS, soft_boundary=True)
    twin.load_state_dict(state)
    for seed in (1, 2):
        assert twin.train()(*batch(seed=seed)) == loss.train()(*batch(seed=seed))
    assert len(SVDDLoss((10**6, 10**7), soft_boundary=True).recent) == WINDOW


@pytest.mark.parametrize("soft_boundary", [False, True])
def test_a_batch_without_the_majority_costs_nothing(soft_boundary: bool) -> None:
    loss = SVDDLoss(COUNTS, soft_boundary)
    logits = torch.tensor([-1.0, -2.0], requires_grad=True)
    for _ in range(2):
        value = loss(logits, torch.zeros(2))
        (gradient,) = torch.autograd.grad(value, logits)
        assert value == 0
        assert torch.equal(gradient, torch.zeros(2))
    loss(*batch())
    assert loss(logits, torch.zeros(2)).isfinite()


def test_only_images_outside_the_ball_and_of_the_majority_have_a_gradient() -> None:
    loss = SVDDLoss(COUNTS, soft_boundary=True, nu=0.5)
    loss(*batch())
    logits, targets = batch(seed=1)
    logits.requires_grad_()
    radius_squared = float(loss.radius_squared)
    (gradient,) = torch.autograd.grad(loss(logits, targets), logits)
    for slope, logit, target in zip(gradient, logits, targets, strict=True):
        pulled = target == 1 and -logit > radius_squared
        assert float(slope) == pytest.approx(-1 / (0.5 * float(targets.sum())) if pulled else 0)


def test_a_soft_label_counts_by_its_share() -> None:
    loss = SVDDLoss(COUNTS)
    logits, targets = torch.tensor([-1.0, -3.0]), torch.tensor([0.25, 1.0])
    assert float(loss(logits, targets)) == pytest.approx((0.25 * 1 + 3) / 1.25)


@pytest.mark.parametrize(("soft_boundary", "bias"), [(False, False), (True, False), (False, True)])
def test_without_constant_terms_training_does_not_collapse(soft_boundary: bool, bias: bool) -> None:
    torch.manual_seed(0)
    images = torch.randn(400, 6) * torch.tensor([3.0, 1.0, 1.0, 1.0, 1.0, 1.0]) + 1
    odd = images.clone()
    odd[:, 1:] += torch.randn(400, 5) * 3
    hidden = nn.Linear(6, 64, bias=bias)
    head = HypersphereHead(64, dimensions=8)
    head.prepare(hidden(images).relu(), minority=0)
    loss = SVDDLoss((40, 400), soft_boundary)
    optimizer = torch.optim.Adam([*hidden.parameters(), *head.parameters()], lr=1e-3)
    targets = torch.ones(400)
    values = []
    for _ in range(300):
        value = loss(head(hidden(images).relu()), targets)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(float(value.detach()))
    with torch.no_grad():
        near, far = -head(hidden(images).relu()), -head(hidden(odd).relu())
    assert values[-1] < 0.5 * values[0]
    assert far.mean() > 2 * near.mean() > 0
    collapsed = near.std() < 1e-2 * head.center.square().sum()
    assert collapsed == bias


def test_invalid_options_are_refused() -> None:
    for nu in (0.0, 1.0, -1.0, math.nan):
        with pytest.raises(UserError, match=r"loss\.nu="):
            SVDDLoss(COUNTS, nu=nu)
    with pytest.raises(UserError, match="no training images"):
        SVDDLoss((0, 0))


@pytest.mark.parametrize("counts", [(0, 5), (5, 0)])
def test_of_the_minority_there_may_be_no_image(counts: tuple[int, int]) -> None:
    """The squared distance is o f, whichever label the images have."""
    label = int(counts[1] > 0)
    logits = torch.tensor([2.0, 4.0]) * (1 - 2 * label)
    loss = SVDDLoss(counts)(logits, torch.full((2,), float(label)))
    assert float(loss) == pytest.approx(3.0)
