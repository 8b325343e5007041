"""Deferred re-weighting: class weights that apply late in training."""

from torch import nn

from imbclf.errors import UserError
from imbclf.utils.checks import check_range


def deferred_share(progress: float, start_at: float, ramp: float) -> float:
    """Return the interpolation factor, 0 to 1, between weights of 1 and the full class weights.

    0 before `start_at`, then linear, 1 from `start_at + ramp` on. With a late start this is the
    deferred re-weighting (DRW) of Cao et al., Learning Imbalanced Datasets with Label-Distribution-
    Aware Margin Loss, NeurIPS 2019.

    Args:
        progress: share of training done, 0 to 1.
        start_at: share of training before the class weights apply.
        ramp: share of training that they take to rise; 0 is a step.

    >>> [deferred_share(p, start_at=0.5, ramp=0.25) for p in (0.0, 0.5, 0.625, 0.75, 1.0)]
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    if progress < start_at:
        return 0.0
    return min(1.0, (progress - start_at) / ramp) if ramp > 0 else 1.0


class WeightedLoss(nn.Module):
    """Base class of losses with class weights that may be deferred.

    Progress is set at the start of each epoch: of E epochs, the last starts at (E - 1) / E. With
    start_at = 0.8, the weights apply only if there are 5 or more epochs.

    Args:
        full_weights: final weights of label 0 and label 1.
        start_at: share of training before the class weights apply; until then both are 1.
        ramp: share of training over which they then rise linearly to the full ones.

    Raises:
        UserError: an option is out of range.

    >>> loss = WeightedLoss((5.0, 1.0), start_at=0.8)
    >>> loss.weights
    (1.0, 1.0)
    >>> loss.set_progress(0.8)
    >>> loss.weights
    (5.0, 1.0)
    """

    def __init__(
        self, full_weights: tuple[float, float], start_at: float = 0.0, ramp: float = 0.0
    ) -> None:
        super().__init__()
        what = "a share of training"
        check_range("loss.start_at", start_at, at_least=0, below=1, what=what)
        check_range("loss.ramp", ramp, at_least=0, what=what)
        # A little more than 1, since 0.9 + 0.1 need not be 1 in floating point.
        if start_at + ramp > 1 + 1e-9:
            raise UserError(
                f"loss.ramp={ramp}: expected {what}, with loss.start_at={start_at} 1 at most"
            )
        self.full_weights, self.start_at, self.ramp = full_weights, start_at, ramp
        self.progress = 0.0

    def set_progress(self, fraction: float) -> None:
        """Set the share of training done, 0 to 1."""
        self.progress = fraction

    @property
    def weights(self) -> tuple[float, float]:
        """The current weights of label 0 and label 1."""
        share = deferred_share(self.progress, self.start_at, self.ramp)
        weight_0, weight_1 = self.full_weights
        # Not 1 + share (w - 1), which is not exactly w at share 1.
        return (1 - share + share * weight_0, 1 - share + share * weight_1)
