"""What a sampler has that learns from how training goes."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@runtime_checkable
class Observer(Protocol):
    """A sampler that is shown, after each epoch, what the network said of the images it drew."""

    def observe(
        self,
        positions: NDArray[np.int64],
        logits: NDArray[np.float64],
        targets: NDArray[np.float64],
    ) -> None:
        """Learn from an epoch's images of all devices, each argument [M], an image once a draw.

        Targets are those that the loss saw, soft ones included.
        """

    def state_dict(self) -> dict[str, Tensor]:
        """Return all that was learnt, for a checkpoint."""

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Take up where `state_dict` left off."""
