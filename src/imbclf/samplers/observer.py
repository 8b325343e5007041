"""Protocol of samplers that learn from predictions during training."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@runtime_checkable
class Observer(Protocol):
    """A sampler that observes the network's logits of the drawn images after each epoch."""

    def observe(
        self,
        positions: NDArray[np.int64],
        logits: NDArray[np.float64],
        targets: NDArray[np.float64],
    ) -> None:
        """Update the state from the images of an epoch, of all devices.

        Args:
            positions: `[M]`, one for each draw of an image.
            logits: `[M]`.
            targets: `[M]`, targets of the loss, possibly soft.
        """

    def state_dict(self) -> dict[str, Tensor]:
        """Return the state for a checkpoint."""

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Restore the state from `state_dict`."""
