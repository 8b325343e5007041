"""A recipe of the optimizer: parameter groups, weight decay, schedule."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from imbclf.errors import UserError
from imbclf.models.freezing import Freezing
from imbclf.training.learning_rate import Schedule, learning_rate_factor
from imbclf.utils.checks import check_range


class HeadedModel(Protocol):
    """A network that lists the parameters of its head and the others separately."""

    is_pretrained: bool

    def backbone_parameters(self) -> Iterable[nn.Parameter]: ...  # noqa: D102

    def head_parameters(self) -> Iterable[nn.Parameter]: ...  # noqa: D102


@dataclass(frozen=True)
class OptimizerRecipe:
    """How to optimize a network, before the network is built.

    Args:
        optimizer: called with the parameter groups; `functools.partial(torch.optim.SGD,
            momentum=0.9)`, say.
        lr: peak learning rate of the backbone and, if `head_lr` is None, of the head.
        head_lr: learning rate of the head.
        scratch_lr: replaces `lr` for random weights, which need a higher rate than pretrained
            ones; None for `lr`.
        weight_decay: decay of every weight; of norms and biases only if `decay_norm_and_bias`.
        decay_norm_and_bias: False exempts parameters with fewer than two dimensions.
        schedule: `constant`, `cosine` or `one_cycle`, stepped after every batch.
        warmup: share of all steps of a linear warm-up.
        ema: decay per step of an exponential moving average of the weights, which is scored and
            saved in place of the weights; None for no average.
        frozen: share of training before a pretrained backbone is trained; 1 trains the head alone.
            Random weights are trained from the start.
        gradual: unfreeze the backbone stage by stage within that share.

    Raises:
        UserError: a value is out of range.

    >>> from functools import partial
    >>> import torch
    >>> OptimizerRecipe(partial(torch.optim.SGD, momentum=0.9), lr=0.1).lr
    0.1
    """

    optimizer: Callable[[list[dict[str, Any]]], Optimizer]
    lr: float
    head_lr: float | None = None
    weight_decay: float = 0.0
    decay_norm_and_bias: bool = True
    schedule: Schedule = "constant"
    warmup: float = 0.0
    ema: float | None = None
    frozen: float = 0.0
    gradual: bool = False
    scratch_lr: float | None = None

    def __post_init__(self) -> None:
        for name in ("lr", "head_lr", "scratch_lr"):
            rate = getattr(self, name)
            if rate is not None:
                check_range(f"optim.{name}", rate, above=0)
        check_range("optim.weight_decay", self.weight_decay, at_least=0)
        if not 0 <= self.warmup < 1:
            raise UserError(f"optim.warmup={self.warmup}: expected a share of training in [0, 1)")
        if self.schedule not in ("constant", "cosine", "one_cycle"):
            raise UserError(
                f"optim.schedule={self.schedule}: expected constant, cosine or one_cycle"
            )
        if self.ema is not None and not 0 < self.ema < 1:
            raise UserError(f"optim.ema={self.ema}: expected a number between 0 and 1, or null")
        _ = self.freezing

    @property
    def freezing(self) -> Freezing:
        """Return how long the backbone stays frozen."""
        return Freezing(self.frozen, self.gradual)

    def build(self, model: HeadedModel, loss_parameters: Iterable[nn.Parameter] = ()) -> Optimizer:
        """Return the optimizer of the trainable parameters of the model and the loss.

        The latter are trained at the head's rate without weight decay.
        """
        lr = self.lr if model.is_pretrained else self.scratch_lr or self.lr
        head_lr = self.head_lr or lr
        groups = [
            (chosen, rate, decay)
            for parameters, rate in (
                (list(model.backbone_parameters()), lr),
                (list(model.head_parameters()), head_lr),
            )
            for chosen, decay in self._split_by_decay(parameters)
        ]
        groups.append(([p for p in loss_parameters if p.requires_grad], head_lr, 0.0))
        return self.optimizer(
            [
                {"params": chosen, "lr": rate, "weight_decay": decay}
                for chosen, rate, decay in groups
                if chosen
            ]
        )

    def _split_by_decay(
        self, parameters: list[nn.Parameter]
    ) -> list[tuple[list[nn.Parameter], float]]:
        trainable = [p for p in parameters if p.requires_grad]
        if self.decay_norm_and_bias:
            return [(trainable, self.weight_decay)]
        return [
            ([p for p in trainable if p.ndim > 1], self.weight_decay),
            ([p for p in trainable if p.ndim <= 1], 0.0),
        ]

    def scheduler(self, optimizer: Optimizer, total_steps: int) -> LambdaLR:
        """Return the per-step schedule of `optimizer` over `total_steps` steps."""
        return LambdaLR(
            optimizer,
            lambda step: learning_rate_factor(
                # Offset by one step, so that the first step of a warm-up has a rate above 0.
                min(1.0, (step + 1) / (total_steps + 1)),
                self.schedule,
                self.warmup,
            ),
        )
