import math
from functools import partial

import pytest
import torch
from torch import nn

from imbclf.errors import UserError
from imbclf.losses import AUCMarginLoss
from imbclf.training.learning_rate import learning_rate_factor
from imbclf.training.optim import OptimizerRecipe


class Headed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.head = nn.Linear(4, 1)
        self.is_pretrained = False

    def backbone_parameters(self) -> list[nn.Parameter]:
        return list(self.body.parameters())

    def head_parameters(self) -> list[nn.Parameter]:
        return list(self.head.parameters())


@pytest.mark.parametrize("steps", [10, 100])
def test_cosine_agrees_with_torch(steps: int) -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    oracle = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        assert learning_rate_factor(step / steps, "cosine") == pytest.approx(
            optimizer.param_groups[0]["lr"], abs=1e-9
        )
        optimizer.step()
        oracle.step()


def test_one_cycle_agrees_with_torch() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    steps = 1000
    oracle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=steps, final_div_factor=math.inf
    )
    for step in range(steps - 1):
        expected = optimizer.param_groups[0]["lr"]
        assert learning_rate_factor(step / steps, "one_cycle") == pytest.approx(expected, abs=5e-3)
        optimizer.step()
        oracle.step()


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_warmup_rises_linearly_and_then_the_schedule_starts(schedule: str) -> None:
    factors = [learning_rate_factor(t / 100, schedule, warmup=0.2) for t in range(20)]  # type: ignore[arg-type]
    assert factors == pytest.approx([t / 20 for t in range(20)])
    after = learning_rate_factor(0.2, schedule, warmup=0.2)  # type: ignore[arg-type]
    assert after == pytest.approx(learning_rate_factor(0.0, schedule))  # type: ignore[arg-type]


def test_groups_hold_every_parameter_once_with_its_rate_and_decay() -> None:
    model = Headed()
    recipe = OptimizerRecipe(
        torch.optim.AdamW, lr=0.1, head_lr=0.5, weight_decay=0.3, decay_norm_and_bias=False
    )
    optimizer = recipe.build(model)
    found = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    assert len(found) == len(list(model.parameters()))
    convolution, norm = model.body[0], model.body[1]
    assert found[id(convolution.weight)] == (0.1, 0.3)
    assert found[id(convolution.bias)] == (0.1, 0.0)
    assert found[id(norm.weight)] == (0.1, 0.0)
    assert found[id(model.head.weight)] == (0.5, 0.3)
    assert found[id(model.head.bias)] == (0.5, 0.0)


def test_parameters_of_the_loss_join_at_the_heads_rate_without_decay() -> None:
    recipe = OptimizerRecipe(torch.optim.AdamW, lr=0.1, head_lr=0.5, weight_decay=0.3)
    loss = AUCMarginLoss()
    optimizer = recipe.build(Headed(), loss.parameters())
    *_, last = optimizer.param_groups
    assert {id(p) for p in last["params"]} == {id(p) for p in loss.parameters()}
    assert (last["lr"], last["weight_decay"]) == (0.5, 0.0)
    assert len(recipe.build(Headed(), nn.BCELoss().parameters()).param_groups) == 2


def test_schedule_multiplies_each_groups_own_rate() -> None:
    recipe = OptimizerRecipe(torch.optim.SGD, lr=0.1, head_lr=0.5, schedule="cosine")
    optimizer = recipe.build(Headed())
    scheduler = recipe.scheduler(optimizer, total_steps=9)
    for _ in range(4):
        optimizer.step()
        scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.05, 0.25])


def test_frozen_parameters_are_left_out() -> None:
    model = Headed()
    for parameter in model.body.parameters():
        parameter.requires_grad = False
    optimizer = OptimizerRecipe(torch.optim.SGD, lr=0.1).build(model)
    assert [len(group["params"]) for group in optimizer.param_groups] == [2]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"lr": -1.0}, "optim.lr"),
        ({"lr": math.nan}, "optim.lr"),
        ({"lr": 0.1, "head_lr": 0.0}, "optim.head_lr"),
        ({"lr": 0.1, "weight_decay": -1.0}, "optim.weight_decay"),
        ({"lr": 0.1, "warmup": 1.0}, "optim.warmup"),
        ({"lr": 0.1, "schedule": "cosin"}, "optim.schedule"),
    ],
)
def test_values_out_of_range_are_refused_by_name(options: dict[str, float], named: str) -> None:
    with pytest.raises(UserError, match=named):
        partial(OptimizerRecipe, torch.optim.SGD)(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("is_pretrained", "rates"), [(True, [0.01, 0.5]), (False, [0.1, 0.5])])
def test_random_weights_may_have_a_rate_of_their_own(
    is_pretrained: bool, rates: list[float]
) -> None:
    model = Headed()
    model.is_pretrained = is_pretrained
    recipe = OptimizerRecipe(torch.optim.SGD, lr=0.01, head_lr=0.5, scratch_lr=0.1)
    assert [group["lr"] for group in recipe.build(model).param_groups] == rates
    without_head = OptimizerRecipe(torch.optim.SGD, lr=0.01, scratch_lr=0.1)
    assert [group["lr"] for group in without_head.build(model).param_groups] == rates[:1] * 2
