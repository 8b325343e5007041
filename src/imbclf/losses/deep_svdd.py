"""Deep SVDD loss for one-class learning: only the majority contributes."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from imbclf.errors import UserError
from imbclf.losses.base import in_full_precision
from imbclf.utils.arrays import minority_class
from imbclf.utils.checks import check_range

WINDOW = 2048  # most recent distances that the radius is computed from


def weighted_average(shares: Tensor, values: Tensor) -> Tensor:
    """Return the mean of values `[N]` weighted by shares `[N]` in 0..1; 0 if all shares are 0.

    >>> weighted_average(torch.tensor([1.0, 0.0, 1.0]), torch.tensor([1.0, 9.0, 2.0]))
    tensor(1.5000)
    """
    total = shares.sum()
    return (shares * values).sum() / torch.where(total > 0, total, 1)


class SVDDLoss(nn.Module):
    """Mean squared distance of the majority to the center of `HypersphereHead`, d^2 = o f.

    With a soft boundary, R^2 + (1 / nu) mean of max(0, d^2 - R^2): the loss inside a ball of radius
    R is 0. R^2 is the quantile 1 - nu of the majority's most recent distances in training (at most
    2048, at most one epoch), a buffer that checkpoints store; it starts at 0. The minority does not
    contribute, and a soft label contributes by its share. Source: Ruff et al., Deep One-Class
    Classification, ICML 2018.

    Args:
        class_counts: training images (n0, n1) of label 0 and label 1; of the minority there may be
            none.
        soft_boundary: whether to use the soft boundary.
        nu: share of the majority outside the ball.

    Raises:
        UserError: there are no images, or nu is not between 0 and 1.

    >>> loss = SVDDLoss(class_counts=(12, 88))
    >>> loss(torch.tensor([-1.0, -3.0, -50.0]), torch.tensor([1, 1, 0]))
    tensor(2.)
    """

    needs_head: ClassVar[str] = "hypersphere"
    radius_squared: Tensor
    recent: Tensor

    def __init__(
        self, class_counts: tuple[int, int], soft_boundary: bool = False, nu: float = 0.1
    ) -> None:
        super().__init__()
        check_range("loss.nu", nu, above=0, below=1, what="a share")
        if not any(class_counts):
            raise UserError("loss: there are no training images")
        self.orientation = -1.0 if minority_class(class_counts) == 0 else 1.0
        self.soft_boundary, self.nu = soft_boundary, nu
        self.register_buffer("radius_squared", torch.zeros(()))
        size = min(WINDOW, max(class_counts)) if soft_boundary else 0
        self.register_buffer("recent", torch.full((size,), torch.nan))

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        logits, targets = in_full_precision(logits, targets)
        distances = self.orientation * logits
        shares = 1 - targets if self.orientation > 0 else targets
        if not self.soft_boundary:
            return weighted_average(shares, distances)
        radius_squared = self.radius_squared.to(distances)
        outside = (distances - radius_squared).relu()
        loss = radius_squared + weighted_average(shares, outside) / self.nu
        if self.training:
            self._update_radius(distances.detach()[shares > 0.5])
        return loss

    def _update_radius(self, distances: Tensor) -> None:
        kept = torch.cat([self.recent, distances.to(self.recent)])[len(distances) :]
        self.recent.copy_(kept)
        if not self.recent.isnan().all():
            self.radius_squared.copy_(self.recent.nanquantile(1 - self.nu))
