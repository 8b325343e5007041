"""Which part of a backbone is trained when: frozen first, then thawed at once or stage by stage."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from imbclf.errors import UserError


@dataclass(frozen=True)
class Freezing:
    """How long the backbone stays frozen; the head is trained from the start.

    Args:
        share: of training, 0 to 1, before the whole backbone is trained; 1 never trains it.
        gradual: thaw stage after stage within that share, those next to the head first (Howard &
            Ruder, Universal language model fine-tuning, ACL 2018), instead of all at its end.

    Raises:
        UserError: the share is out of range.

    >>> Freezing(0.5).thawed(progress=0.4, stages=4), Freezing(0.5).thawed(progress=0.5, stages=4)
    (0, 4)
    >>> Freezing(0.5, gradual=True).thawed(progress=0.25, stages=4)
    2
    """

    share: float = 0.0
    gradual: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise UserError(f"optim.frozen={self.share}: expected a share of training, 0 to 1")

    def thawed(self, progress: float, stages: int) -> int:
        """Return how many of the stages, counted from the head, are trained at this progress.

        With a share of 1 the last stage would thaw as training ends: it never does.
        """
        if progress >= self.share:
            return stages
        return int(stages * progress / self.share) if self.gradual else 0


def stages_of(network: nn.Module) -> list[nn.Module]:
    """Return the parts of a network that hold parameters, in order from the input.

    A part that holds most of the parameters (`features`, `encoder`) is opened if it has three
    parts or more, or one that is nearly all of it.

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


def thaw(network: nn.Module, stages: Sequence[nn.Module], thawed: int) -> None:
    """Train the last `thawed` stages; freeze the others, their normalization statistics too.

    What belongs to no stage, a class token, say, is trained when all of them are.
    """
    network.requires_grad_(thawed == len(stages))
    for number, stage in enumerate(stages):
        trained = number >= len(stages) - thawed
        stage.requires_grad_(trained)
        stage.train(trained)
