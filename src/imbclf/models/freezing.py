"""Freezing: the backbone is frozen first, then unfrozen at once or stage by stage."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from imbclf.errors import UserError


@dataclass(frozen=True)
class Freezing:
    """How long the backbone stays frozen; the head is trained from the start.

    Args:
        share: of training, 0 to 1, before the whole backbone is trained; 1 never trains it.
        gradual: unfreeze stage by stage within that share, those next to the head first (Howard &
            Ruder, Universal language model fine-tuning, ACL 2018), instead of all at its end.

    Raises:
        UserError: the share is out of range.

    >>> [Freezing(0.5).trained_stages(progress, stages=4) for progress in (0.4, 0.5)]
    [0, 4]
    >>> Freezing(0.5, gradual=True).trained_stages(progress=0.25, stages=4)
    2
    """

    share: float = 0.0
    gradual: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise UserError(f"optim.frozen={self.share}: expected a share of training, 0 to 1")

    def trained_stages(self, progress: float, stages: int) -> int:
        """Return how many stages, counted from the head, are trained at this progress.

        With a share of 1 the last stage would unfreeze as training ends, so it never does.
        """
        if progress >= self.share:
            return stages
        return int(stages * progress / self.share) if self.gradual else 0


def stages_of(network: nn.Module) -> list[nn.Module]:
    """Return the parts of a network that hold parameters, in order from the input.

    A part that holds most of the parameters (`features`, `encoder`) is split if it has three parts
    or more, or one that holds nearly all of its parameters.

    >>> [type(stage).__name__ for stage in stages_of(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()))]
    ['Conv2d']
    """
    stages = []
    for stage in _parts(network):
        parts = _parts(stage)
        wraps = any(_size(part) > 0.9 * _size(stage) for part in parts)
        opens = 2 * _size(stage) > _size(network) and (len(parts) > 2 or wraps)
        stages += stages_of(stage) if opens else [stage]
    return stages


def _parts(module: nn.Module) -> list[nn.Module]:
    return [child for child in module.children() if _size(child)]


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def unfreeze(network: nn.Module, stages: Sequence[nn.Module], trained: int) -> None:
    """Train the last `trained` stages; freeze the others with their normalization statistics.

    Parameters of no stage, such as a class token, are trained when all stages are.
    """
    network.requires_grad_(trained == len(stages))
    for number, stage in enumerate(stages):
        is_trained = number >= len(stages) - trained
        stage.requires_grad_(is_trained)
        stage.train(is_trained)
