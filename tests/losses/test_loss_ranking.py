"""Losses of whole batches (rates and ranks), by loops over images and pairs."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from helpers.loss_batches import batch, pairs, probability
from imbclf.errors import UserError
from imbclf.losses import (
    AUCMarginLoss,
    PairwiseAUCLoss,
    SoftHTER,
    WeightedBCE,
    auc_margin_loss,
    pairwise_auc,
    pairwise_auc_loss,
    soft_hter,
)
from imbclf.metrics.error_rates import binary_report


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def auc_margin(
    logits: Tensor, targets: Tensor, a: float, b: float, alpha: float, margin: float = 1.0
) -> Tensor:
    return auc_margin_loss(logits, targets, scalar(a), scalar(b), scalar(alpha), margin)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_soft_hter_by_hand(temperature: float) -> None:
    logits, targets = batch()
    far = [probability(f / temperature) for f, y in pairs(logits, targets) if y == 0]
    frr = [1 - probability(f / temperature) for f, y in pairs(logits, targets) if y == 1]
    expected = (sum(far) / len(far) + sum(frr) / len(frr)) / 2
    assert float(soft_hter(logits, targets, temperature)) == pytest.approx(expected)


def test_soft_hter_of_a_cold_step_is_the_hter_at_threshold_0() -> None:
    logits, targets = batch()
    hter = binary_report(logits.numpy(), targets.long().numpy(), threshold=0.0)["hter"]
    assert 0 < hter < 1
    assert float(soft_hter(logits, targets, temperature=1e-6)) == pytest.approx(hter)


def test_cross_entropy_in_soft_hter_is_balanced_by_the_batch() -> None:
    logits, targets = batch()
    in_batch = int((targets == 0).sum()), int(targets.sum())
    expected = WeightedBCE(in_batch)(logits, targets)
    torch.testing.assert_close(SoftHTER(mix=1.0)(logits, targets), expected)
    mixed = 0.3 * expected + 0.7 * soft_hter(logits, targets, 2.0)
    torch.testing.assert_close(SoftHTER(temperature=2.0, mix=0.3)(logits, targets), mixed)


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_soft_hter_of_one_class_is_half_its_rate(label: float) -> None:
    logits, _ = batch(5)
    rate = torch.sigmoid(logits if label == 0 else -logits).mean()
    torch.testing.assert_close(soft_hter(logits, torch.full((5,), label), 1.0), rate / 2)


@pytest.mark.parametrize("margin", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("at_once", [1, 50, 1 << 24])
def test_pairwise_auc_by_hand(margin: float, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairwise_auc, "PAIRS_PER_STEP", at_once)
    logits, targets = batch()
    costs = [
        max(0.0, margin - (above - below)) ** 2
        for above, is_above in pairs(logits, targets)
        for below, is_below in pairs(logits, targets)
        if is_above == 1 and is_below == 0
    ]
    expected = sum(costs) / len(costs)
    assert float(PairwiseAUCLoss(margin)(logits, targets)) == pytest.approx(expected)


def test_pairwise_auc_bounds_the_share_of_pairs_in_wrong_order() -> None:
    logits, targets = batch()
    auroc = binary_report(logits.numpy(), targets.long().numpy(), threshold=0.0)["auroc"]
    assert float(pairwise_auc_loss(logits, targets, margin=1.0)) >= 1 - auroc
    shifted = pairwise_auc_loss(logits + 7, targets, margin=1.0)
    torch.testing.assert_close(shifted, pairwise_auc_loss(logits, targets, margin=1.0))


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_pairwise_auc_of_one_class_is_zero_with_slope_zero(label: float) -> None:
    logits = batch(5)[0].requires_grad_()
    value = PairwiseAUCLoss()(logits, torch.full((5,), label))
    (slope,) = torch.autograd.grad(value, logits)
    assert float(value.detach()) == 0
    assert (slope == 0).all()


@pytest.mark.parametrize("margin", [0.3, 1.0])
@pytest.mark.parametrize(("a", "b", "alpha"), [(0.5, 0.5, 1.0), (0.9, 0.2, 0.0), (0.7, 0.1, 0.4)])
def test_auc_margin_by_hand(margin: float, a: float, b: float, alpha: float) -> None:
    logits = scalar(0).new_tensor([0.3, -1.0, 2.0, 0.5, -0.2])
    targets = torch.tensor([0, 0, 1, 1, 1])
    h = [probability(f) for f in logits.tolist()]
    expected = (
        ((h[2] - a) ** 2 + (h[3] - a) ** 2 + (h[4] - a) ** 2) / 3
        + ((h[0] - b) ** 2 + (h[1] - b) ** 2) / 2
        + 2 * alpha * (margin + (h[0] + h[1]) / 2 - (h[2] + h[3] + h[4]) / 3)
        - alpha**2
    )
    value = auc_margin(logits, targets, a, b, alpha, margin)
    assert float(value) == pytest.approx(expected)


@pytest.mark.parametrize("label", [0, 1])
def test_auc_margin_of_one_class_takes_a_or_b_for_the_other(label: int) -> None:
    h, a, b, alpha = probability(0.3), 0.8, 0.1, 0.6
    spread = (h - a) ** 2 if label else (h - b) ** 2
    gap = b - h if label else h - a
    value = auc_margin(torch.full((3,), 0.3).double(), torch.full((3,), label), a, b, alpha)
    assert float(value) == pytest.approx(spread + 2 * alpha * (1 + gap) - alpha**2)


def saddle(logits: Tensor, targets: Tensor, margin: float) -> tuple[Tensor, Tensor, Tensor]:
    scores = torch.sigmoid(logits)
    a, b = scores[targets == 1].mean(), scores[targets == 0].mean()
    return a, b, (margin + b - a).clamp(min=0)


@pytest.mark.parametrize("margin", [0.05, 1.0])
def test_auc_margin_at_its_saddle_is_the_closed_form_and_a_saddle(margin: float) -> None:
    logits, targets = batch()
    logits = logits + 2 * targets
    scores = torch.sigmoid(logits)
    a, b, alpha = saddle(logits, targets, margin)
    variances = sum(scores[targets == label].var(correction=0) for label in (0, 1))
    value = auc_margin_loss(logits, targets, a, b, alpha, margin)
    torch.testing.assert_close(value, variances + (margin - (a - b)).relu() ** 2)
    for step in (-0.01, 0.01):
        assert auc_margin_loss(logits, targets, a + step, b, alpha, margin) > value
        assert auc_margin_loss(logits, targets, a, b + step, alpha, margin) > value
        if alpha + step >= 0:
            assert auc_margin_loss(logits, targets, a, b, alpha + step, margin) < value


def test_auc_margin_in_the_paper_is_this_times_both_shares() -> None:
    logits, targets = batch()
    p, h = targets.mean(), torch.sigmoid(logits)
    a, b, alpha, one, zero = 0.7, 0.2, 0.4, targets, 1 - targets
    paper = (
        (1 - p) * (h - a) ** 2 * one
        + p * (h - b) ** 2 * zero
        + 2 * alpha * (p * (1 - p) + p * h * zero - (1 - p) * h * one)
        - p * (1 - p) * alpha**2
    ).mean()
    ours = auc_margin(logits, targets, a, b, alpha)
    torch.testing.assert_close(p * (1 - p) * ours, paper)


def test_one_step_descends_in_a_and_b_and_ascends_in_alpha() -> None:
    logits, targets = batch()
    loss, lr = AUCMarginLoss().double(), 0.01
    with torch.no_grad():
        loss.alpha.fill_(0.1)
    h = torch.sigmoid(logits)
    mean_0, mean_1 = h[targets == 0].mean(), h[targets == 1].mean()
    slopes = {
        "a": 2 * (0.5 - mean_1),
        "b": 2 * (0.5 - mean_0),
        "alpha": 2 * (1 + mean_0 - mean_1) - 2 * 0.1,
    }
    assert slopes["alpha"] > 0
    optimizer = torch.optim.SGD(loss.parameters(), lr=lr)
    loss(logits, targets).backward()
    optimizer.step()
    torch.testing.assert_close(loss.a.detach(), 0.5 - lr * slopes["a"])
    torch.testing.assert_close(loss.b.detach(), 0.5 - lr * slopes["b"])
    torch.testing.assert_close(loss.alpha.detach(), 0.1 + lr * slopes["alpha"])


@pytest.mark.parametrize(("optimizer", "lr"), [(torch.optim.SGD, 0.05), (torch.optim.Adam, 0.01)])
@pytest.mark.parametrize("margin", [0.05, 1.0])
def test_training_its_parameters_finds_the_saddle(
    optimizer: Callable[..., torch.optim.Optimizer], lr: float, margin: float
) -> None:
    logits, targets = batch()
    logits = logits + 2 * targets
    loss = AUCMarginLoss(margin)
    descent = optimizer(loss.parameters(), lr=lr)
    for _ in range(600):
        descent.zero_grad()
        loss(logits, targets).backward()
        descent.step()
    loss(logits, targets)  # takes alpha back to 0 or above
    found = torch.stack([loss.a, loss.b, loss.alpha]).detach().double()
    torch.testing.assert_close(
        found, torch.stack(saddle(logits, targets, margin)), rtol=0, atol=1e-3
    )


def test_alpha_is_never_used_below_zero_and_two_passes_can_share_a_step() -> None:
    logits, targets = batch()
    loss = AUCMarginLoss().double()
    with torch.no_grad():
        loss.alpha.fill_(-0.3)
    expected = auc_margin_loss(logits, targets, loss.a, loss.b, scalar(0), 1.0)
    both = loss(logits, targets) + loss(logits, targets)
    torch.testing.assert_close(both, 2 * expected)
    both.backward()


def test_within_a_class_a_score_can_be_too_high() -> None:
    """What AUCM promises is not that each image gains by rising, but what its definition says."""
    targets = torch.tensor([0, 1, 1])
    low, high = (torch.tensor([-1.0, 0.0, f]) for f in (0.0, 3.0))
    costs = [auc_margin(logits, targets, a=0.5, b=0.3, alpha=0.0) for logits in (low, high)]
    assert costs[0] < costs[1]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SoftHTER(temperature=0), r"loss\.temperature=0: expected a number above 0"),
        (lambda: SoftHTER(mix=1.1), r"loss\.mix=1\.1: expected the share"),
        (lambda: PairwiseAUCLoss(margin=0), r"loss\.margin=0"),
        (lambda: AUCMarginLoss(margin=math.nan), r"loss\.margin=nan"),
    ],
)
def test_invalid_options_are_refused(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
