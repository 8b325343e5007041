"""Class weights, their schedule, and cross-entropy under them, by independent arithmetic."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from helpers.loss_batches import COUNTS, batch, pairs, probability
from imbclf.errors import UserError
from imbclf.losses import (
    ClassBalancedBCE,
    WeightedBCE,
    WeightedLoss,
    balanced_weights,
    class_weights,
    deferred_share,
    effective_number_weights,
    minority_weights,
    weighted_bce,
)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (10.0, 1.0), (0.3, 0.7)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_weighted_bce_by_hand(weights: tuple[float, float], dtype: torch.dtype) -> None:
    logits, targets = batch()
    value = weighted_bce(logits, targets.to(dtype), *weights)
    costs = [
        weights[int(y)] * -math.log(probability(f) if y else 1 - probability(f))
        for f, y in pairs(logits, targets)
    ]
    assert float(value) == pytest.approx(sum(costs) / len(costs))


def test_minority_weight_is_given_to_the_rarer_label_alone() -> None:
    assert WeightedBCE((12, 88), minority_weight=10).weights == (10, 1)
    assert WeightedBCE((88, 12), minority_weight=10).weights == (1, 10)
    assert minority_weights((50, 50), 10, 1) == (10, 1)
    assert class_weights((88, 12), 10) == (1, 10)


@pytest.mark.parametrize("counts", [(12, 88), (1, 1), (90, 3)])
def test_balanced_classes_weigh_the_same_and_one_in_the_mean(counts: tuple[int, int]) -> None:
    weights = balanced_weights(counts)
    assert WeightedBCE(counts).weights == class_weights(counts, None) == weights
    sums = [count * weight for count, weight in zip(counts, weights, strict=True)]
    assert sums[0] == pytest.approx(sums[1])
    assert sum(sums) == pytest.approx(sum(counts))


@pytest.mark.parametrize("counts", [(12, 88), (700, 30)])
@pytest.mark.parametrize("beta", [0.3, 0.9, 0.999])
def test_effective_numbers_by_summing_the_series(counts: tuple[int, int], beta: float) -> None:
    effective = [sum(beta**i for i in range(count)) for count in counts]
    weights = ClassBalancedBCE(counts, beta).weights
    assert weights[0] / weights[1] == pytest.approx(effective[1] / effective[0])
    total = sum(count * weight for count, weight in zip(counts, weights, strict=True))
    assert total == pytest.approx(sum(counts))


@pytest.mark.parametrize("counts", [(12_102, 87_898), (5, 3)])
def test_effective_numbers_lie_between_no_weights_and_balanced_ones(
    counts: tuple[int, int],
) -> None:
    assert effective_number_weights(counts, 0.0) == pytest.approx((1, 1))
    nearly_one = effective_number_weights(counts, 1 - 1e-12)
    assert nearly_one == pytest.approx(balanced_weights(counts), rel=1e-6)


def test_effective_numbers_hardly_weigh_where_images_are_many() -> None:
    weights = effective_number_weights((12_102, 87_898), 0.9999)
    assert weights[0] / weights[1] == pytest.approx(1.43, abs=0.01)
    weights = balanced_weights((12_102, 87_898))
    assert weights[0] / weights[1] == pytest.approx(7.26, abs=0.01)


@pytest.mark.parametrize("epochs", [5, 10, 50, 90])
@pytest.mark.parametrize("start_at", [0.2, 0.6, 0.8])
def test_weights_start_with_the_epoch_that_starts_there(epochs: int, start_at: float) -> None:
    shares = [deferred_share(epoch / epochs, start_at, 0.0) for epoch in range(epochs)]
    assert shares.index(1.0) == round(start_at * epochs)


def test_a_schedule_can_go_back_as_for_a_resumed_training() -> None:
    loss = WeightedLoss((5.0, 1.0), start_at=0.5)
    loss.set_progress(0.9)
    loss.set_progress(0.1)
    assert loss.weights == (1, 1)


def test_a_ramp_may_end_with_training() -> None:
    loss = WeightedLoss((5.0, 1.0), start_at=0.9, ramp=0.1)
    loss.set_progress(1.0)
    assert loss.weights == pytest.approx((5, 1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WeightedBCE(COUNTS, minority_weight=0), r"loss\.minority_weight=0: .*null"),
        (lambda: WeightedBCE(COUNTS, minority_weight=math.nan), r"loss\.minority_weight=nan"),
        (lambda: WeightedBCE((0, 5)), "0 of label 0 and 5 of label 1"),
        (lambda: ClassBalancedBCE((5, 0)), "5 of label 0 and 0 of label 1"),
        (lambda: ClassBalancedBCE(COUNTS, beta=1.0), r"loss\.beta=1\.0: .*below 1"),
        (lambda: ClassBalancedBCE(COUNTS, beta=-0.1), r"loss\.beta=-0\.1"),
        (lambda: WeightedBCE(COUNTS, start_at=1.0), r"loss\.start_at=1\.0: expected a share"),
        (lambda: WeightedBCE(COUNTS, start_at=-0.1), r"loss\.start_at=-0\.1"),
        (lambda: WeightedBCE(COUNTS, start_at=0.8, ramp=0.3), r"loss\.ramp=0\.3: .*start_at=0\.8"),
        (lambda: WeightedBCE(COUNTS, ramp=math.nan), r"loss\.ramp=nan"),
    ],
)
def test_invalid_options_are_refused(make: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
