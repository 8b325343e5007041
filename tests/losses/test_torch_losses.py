"""The losses of torch.nn for one logit, by independent arithmetic."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from helpers.loss_batches import batch
from imbclf.errors import UserError
from imbclf.losses import TORCH_LOSSES, TorchLoss

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


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("softmarginlos", r"loss\.name=softmarginlos: .*did you mean SoftMarginLoss\?"),
        ("TripletMarginLoss", r"loss\.name=.* expected .*one of BCELoss, .*NLLL"),
        ("Linear", r"loss\.name=Linear"),
        ("zzz", r"one logit per image, one of"),
    ],
)
def test_invalid_options_are_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        TorchLoss(name)
