"""What is averaged over the views of an image: logits, or features that a head reads."""

from collections.abc import Callable
from typing import Protocol, cast

from torch import Tensor, nn

Step = Callable[[Tensor], Tensor]


class FeaturesAndHead(Protocol):
    """A network in two steps."""

    def features(self, images: Tensor) -> Tensor:
        """Return what is averaged, [N, D], of images [N, H, W, 3]."""
        ...

    def judge(self, features: Tensor) -> Tensor:
        """Return the logits, [N] or [N, M], of averaged features."""
        ...


def around_average(network: nn.Module) -> tuple[Step, Step]:
    """Return what is computed of each view of an image, and what of the average over views.

    Logits are averaged, except of a network whose head was fitted to averaged features: it has the
    attribute `averages_features` and is `FeaturesAndHead`.

    >>> each, last = around_average(nn.Linear(2, 1))
    >>> type(each).__name__, type(last).__name__
    ('Linear', 'Identity')
    """
    if getattr(network, "averages_features", False):
        parts = cast("FeaturesAndHead", network)
        return parts.features, parts.judge
    return network, nn.Identity()
