"""Losses that count images by how well they are classified, by independent arithmetic."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from helpers.loss_batches import COUNTS, batch, finite_with_gradient, pairs, probability
from imbclf.errors import UserError
from imbclf.losses import (
    AsymmetricLoss,
    FocalLoss,
    GeneralizedCrossEntropy,
    SmoothedBCE,
    focal_loss,
)

both_orientations = pytest.mark.parametrize("counts", [(12, 88), (88, 12)])


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.25, 0.75)])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_focal_loss_by_hand(weights: tuple[float, float], gamma: float, dtype: torch.dtype) -> None:
    logits, targets = batch()
    total = 0.0
    for f, y in pairs(logits, targets):
        of_truth = probability(f) if y else 1 - probability(f)
        total += weights[int(y)] * (1 - of_truth) ** gamma * -math.log(of_truth)
    value = focal_loss(logits, targets.to(dtype), gamma, *weights)
    assert float(value) == pytest.approx(total / len(logits))


@pytest.mark.parametrize("alpha", [0.25, 0.9])
def test_focal_loss_agrees_with_torchvision(alpha: float) -> None:
    logits, targets = batch()
    oracle = sigmoid_focal_loss(logits, targets, alpha, gamma=2.0, reduction="mean")
    rare_ones = FocalLoss((88, 12), minority_alpha=alpha)
    rare_zeros = FocalLoss((12, 88), minority_alpha=1 - alpha)
    torch.testing.assert_close(rare_ones(logits, targets), oracle)
    torch.testing.assert_close(rare_zeros(logits, targets), oracle)


@both_orientations
@pytest.mark.parametrize(
    ("majority", "minority", "clip"), [(4, 1, 0.05), (0, 0, 0), (2, 0, 0.3), (0.5, 0.5, 0.1)]
)
def test_asymmetric_loss_by_hand(
    counts: tuple[int, int], majority: float, minority: float, clip: float
) -> None:
    logits, targets = batch()
    rare = int(counts[1] < counts[0])
    total = 0.0
    for f, y in pairs(logits, targets):
        of_rare = probability(f) if rare == 1 else 1 - probability(f)
        if y == rare:
            total -= (1 - of_rare) ** minority * math.log(of_rare)
        else:
            shifted = max(of_rare - clip, 0)
            total -= shifted**majority * math.log(1 - shifted)
    loss = AsymmetricLoss(counts, majority, minority, clip)
    assert float(loss(logits, targets)) == pytest.approx(total / len(logits))


def test_asymmetric_loss_without_clip_is_focal_loss_with_two_exponents() -> None:
    logits, targets = batch()
    loss = AsymmetricLoss(COUNTS, gamma_majority=2, gamma_minority=2, clip=0)
    torch.testing.assert_close(loss(logits, targets), focal_loss(logits, targets, 2, 1, 1))


@both_orientations
def test_smoothing_is_cross_entropy_to_moved_targets(counts: tuple[int, int]) -> None:
    logits, targets = batch()
    of_rare, of_common = 0.02, 0.1
    e0, e1 = (of_rare, of_common) if counts[0] < counts[1] else (of_common, of_rare)
    moved = targets * (1 - e1) + (1 - targets) * e0
    expected = F.binary_cross_entropy_with_logits(logits, moved)
    loss = SmoothedBCE(counts, of_rare, of_common)
    torch.testing.assert_close(loss(logits, targets), expected)


def test_equal_smoothing_is_half_of_that_of_torch() -> None:
    logits, targets = batch()
    columns = torch.stack([torch.zeros_like(logits), logits], dim=1)
    expected = F.cross_entropy(columns, targets.long(), label_smoothing=0.2)
    torch.testing.assert_close(SmoothedBCE(COUNTS, 0.1, 0.1)(logits, targets), expected)


@pytest.mark.parametrize("label", [0, 1])
def test_a_smoothed_label_costs_least_at_its_own_log_odds(label: int) -> None:
    loss = SmoothedBCE(COUNTS, 0.2, 0.1)
    logit = torch.tensor([math.log(9) if label else -math.log(4)], requires_grad=True)
    (slope,) = torch.autograd.grad(loss(logit, torch.tensor([label])), logit)
    assert float(slope) == pytest.approx(0, abs=1e-6)


@both_orientations
@pytest.mark.parametrize("q", [0.01, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_generalized_cross_entropy_by_hand(
    counts: tuple[int, int], q: float, weight: float
) -> None:
    logits, targets = batch()
    weights = (weight, 1) if counts[0] < counts[1] else (1, weight)
    total = 0.0
    for f, y in pairs(logits, targets):
        of_truth = probability(f) if y else 1 - probability(f)
        total += weights[int(y)] * (1 - of_truth**q) / q
    loss = GeneralizedCrossEntropy(counts, q, weight)
    assert float(loss(logits, targets)) == pytest.approx(total / len(logits))


def test_generalized_cross_entropy_near_its_limit_loses_no_digits() -> None:
    logits, targets = batch()
    near, at = (GeneralizedCrossEntropy(COUNTS, q)(logits, targets) for q in (1e-9, 0.0))
    torch.testing.assert_close(near, at, rtol=1e-7, atol=0)


@pytest.mark.parametrize(
    "loss",
    [
        FocalLoss(COUNTS, gamma=0.5),
        AsymmetricLoss(COUNTS, gamma_majority=0.5, gamma_minority=0.5, clip=0),
        AsymmetricLoss(COUNTS, gamma_majority=0.5, clip=0.05),
    ],
)
def test_slopes_survive_underflow(loss: nn.Module) -> None:
    logits = torch.tensor([1e4, -1e4, 200.0, -200.0])
    for label in (0.0, 1.0):
        finite_with_gradient(loss, logits, torch.full((4,), label))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FocalLoss(COUNTS, gamma=-1), r"loss\.gamma=-1: expected 0 or more"),
        (lambda: FocalLoss(COUNTS, minority_alpha=1.5), r"loss\.minority_alpha=1\.5"),
        (lambda: FocalLoss((5, 0)), "5 of label 0 and 0 of label 1"),
        (lambda: AsymmetricLoss(COUNTS, gamma_majority=-1), r"loss\.gamma_majority=-1"),
        (lambda: AsymmetricLoss(COUNTS, gamma_minority=math.nan), r"loss\.gamma_minority=nan"),
        (lambda: AsymmetricLoss(COUNTS, clip=1.0), r"loss\.clip=1\.0: expected a probability"),
        (lambda: AsymmetricLoss((0, 5)), "0 of label 0 and 5 of label 1"),
        (lambda: SmoothedBCE(COUNTS, smoothing_minority=0.5), r"loss\.smoothing_minority=0\.5"),
        (lambda: SmoothedBCE(COUNTS, smoothing_majority=-0.1), r"loss\.smoothing_majority=-0\.1"),
        (lambda: SmoothedBCE((0, 5)), "0 of label 0 and 5 of label 1"),
        (lambda: GeneralizedCrossEntropy(COUNTS, q=1.5), r"loss\.q=1\.5: expected a number from 0"),
        (lambda: GeneralizedCrossEntropy((0, 5)), "0 of label 0 and 5 of label 1"),
    ],
)
def test_invalid_options_are_refused(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
