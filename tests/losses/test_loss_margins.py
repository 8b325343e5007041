"""Losses that move or stretch the logit by class size, by independent arithmetic."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.loss_batches import COUNTS, batch, pairs
from imbclf.errors import UserError
from imbclf.losses import LDAMLoss, VectorScalingLoss, ldam_margins

both_orientations = pytest.mark.parametrize("counts", [(12, 88), (88, 12), (50, 50)])


@both_orientations
@pytest.mark.parametrize(("tau", "gamma"), [(0, 0), (1, 0), (0, 0.3), (1, 0.3), (0.5, 1)])
@pytest.mark.parametrize("weight", [1.0, 4.0])
def test_vector_scaling_by_hand(
    counts: tuple[int, int], tau: float, gamma: float, weight: float
) -> None:
    logits, targets = batch()
    share_1 = counts[1] / sum(counts)
    logit_share = math.log(share_1 / (1 - share_1))
    weights = (weight, 1) if counts[0] <= counts[1] else (1, weight)
    total = 0.0
    for f, y in pairs(logits, targets):
        label = int(y)
        iota = -tau * logit_share if label else tau * logit_share
        delta = (counts[label] / max(counts)) ** gamma
        sign = 1 if label else -1
        total += weights[label] * math.log(1 + math.exp(iota) * math.exp(-delta * sign * f))
    loss = VectorScalingLoss(counts, tau, gamma, minority_weight=weight)
    assert float(loss(logits, targets)) == pytest.approx(total / len(logits))


@both_orientations
@pytest.mark.parametrize("tau", [0.5, 1.0])
def test_logit_adjustment_is_softmax_over_logits_plus_log_priors(
    counts: tuple[int, int], tau: float
) -> None:
    logits, targets = batch()
    priors = torch.tensor(counts) / sum(counts)
    columns = torch.stack([torch.zeros_like(logits), logits], dim=1) + tau * priors.log()
    expected = F.cross_entropy(columns, targets.long())
    loss = VectorScalingLoss(counts, tau=tau, gamma=0)
    torch.testing.assert_close(loss(logits, targets), expected)


def test_cdt_is_softmax_over_stretched_logits() -> None:
    logits, targets = batch()
    # The paper divides the logit of class y by a_y = (n_max / n_y)^gamma; for one logit this is
    # the stretch of the image's own class.
    stretch = targets + (1 - targets) * (12 / 88) ** 0.3
    expected = F.binary_cross_entropy_with_logits(stretch * logits, targets)
    torch.testing.assert_close(VectorScalingLoss(COUNTS, 0, 0.3)(logits, targets), expected)


@both_orientations
@pytest.mark.parametrize(("scale", "start_at"), [(1.0, 0.0), (30.0, 0.8)])
def test_ldam_by_hand(counts: tuple[int, int], scale: float, start_at: float) -> None:
    logits, targets = batch()
    constant = 0.5 * min(counts) ** 0.25
    loss = LDAMLoss(counts, scale=scale, start_at=start_at)
    weights = [sum(counts) / (2 * n) if start_at == 0 else 1.0 for n in counts]
    total = 0.0
    for f, y in pairs(logits, targets):
        margin = constant / counts[int(y)] ** 0.25
        own, other = (f / 2, -f / 2) if y else (-f / 2, f / 2)
        exponentials = math.exp(scale * (own - margin)), math.exp(scale * other)
        total -= weights[int(y)] * math.log(exponentials[0] / sum(exponentials))
    assert float(loss(logits, targets)) == pytest.approx(total / len(logits))


def test_the_rarer_class_has_the_largest_margin() -> None:
    assert ldam_margins((12, 88), 0.5)[0] == ldam_margins((88, 12), 0.5)[1] == 0.5
    assert ldam_margins((12, 88), 0.5)[1] < 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: VectorScalingLoss(COUNTS, tau=-1), r"loss\.tau=-1: expected 0 or more"),
        (lambda: VectorScalingLoss(COUNTS, gamma=math.inf), r"loss\.gamma=inf"),
        (lambda: VectorScalingLoss(COUNTS, minority_weight=-2), r"loss\.minority_weight=-2"),
        (lambda: VectorScalingLoss((0, 5), tau=0), "0 of label 0 and 5 of label 1"),
        (lambda: LDAMLoss(COUNTS, max_margin=-0.5), r"loss\.max_margin=-0\.5"),
        (lambda: LDAMLoss(COUNTS, scale=0), r"loss\.scale=0: expected a number above 0"),
        (lambda: LDAMLoss((5, 0), minority_weight=1), "5 of label 0 and 0 of label 1"),
    ],
)
def test_invalid_options_are_refused(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
