"""The losses of torch.nn, adapted to one logit per image."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.errors import UserError
from imbclf.losses.base import in_full_precision
from imbclf.losses.class_weights import weighted_mean
from imbclf.utils.text import suggest


def _signs(targets: Tensor) -> Tensor:
    return 2 * targets - 1


def _two_columns(logits: Tensor) -> Tensor:
    """Return the logits [N, 2] of two classes whose difference is the one logit."""
    return torch.stack([torch.zeros_like(logits), logits], dim=1)


# Arguments of each loss of torch.nn, from logits f `[N]` and labels y `[N]`, 0 or 1.
TORCH_LOSSES: dict[str, Callable[[Tensor, Tensor], tuple[Tensor, ...]]] = {
    "BCEWithLogitsLoss": lambda f, y: (f, y),
    "MultiLabelSoftMarginLoss": lambda f, y: (f[:, None], y[:, None]),
    # Its exp(-s f) overflows in float32 beyond 88.
    "SoftMarginLoss": lambda f, y: (f.clamp(-80, 80), _signs(y)),
    # max(0, -s (f - s)) is the hinge max(0, 1 - s f), s being the sign of the label.
    "MarginRankingLoss": lambda f, y: (f, _signs(y), _signs(y)),
    "CrossEntropyLoss": lambda f, y: (_two_columns(f), y.long()),
    "NLLLoss": lambda f, y: (F.log_softmax(_two_columns(f), dim=1), y.long()),
    "MultiMarginLoss": lambda f, y: (_two_columns(f), y.long()),
    "BCELoss": lambda f, y: (torch.sigmoid(f), y),
    "MSELoss": lambda f, y: (torch.sigmoid(f), y),
    "L1Loss": lambda f, y: (torch.sigmoid(f), y),
    "SmoothL1Loss": lambda f, y: (torch.sigmoid(f), y),
    "HuberLoss": lambda f, y: (torch.sigmoid(f), y),
    # It takes a distance: of the probability to 1.
    "HingeEmbeddingLoss": lambda f, y: (torch.sigmoid(-f), _signs(y)),
}


class TorchLoss(nn.Module):
    """A loss of `torch.nn` by name, with its default options.

    `TORCH_LOSSES` holds the arguments of each: the logit f, the probability sigma(f), two class
    scores [0, f], or targets of -1 and 1. The loss of an image with a soft label is the mixture of
    its losses with label 0 and with label 1.

    Args:
        name: name of the class in `torch.nn`.

    Raises:
        UserError: there is no such loss, or not for one logit per image.

    >>> TorchLoss("SoftMarginLoss")(torch.zeros(2), torch.tensor([0, 1]))
    tensor(0.6931)
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        if name not in TORCH_LOSSES:
            raise UserError(
                f"loss.name={name}: expected a loss of torch.nn for one logit per image, one of "
                f"{', '.join(sorted(TORCH_LOSSES))}{suggest(str(name), TORCH_LOSSES)}"
            )
        self.name = name
        self.loss: nn.Module = getattr(nn, name)(reduction="none")

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        logits, targets = in_full_precision(logits, targets)
        arguments = TORCH_LOSSES[self.name]
        # BCELoss raises an error under autocast.
        with torch.autocast(logits.device.type, enabled=False):
            of_0, of_1 = (
                self.loss(*arguments(logits, torch.full_like(logits, label))) for label in (0, 1)
            )
        return weighted_mean(targets, of_0, of_1)
