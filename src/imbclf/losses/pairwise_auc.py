"""Pairwise AUC loss: rank images of label 1 above those of label 0."""

import torch
from torch import Tensor, nn

from imbclf.losses.base import in_full_precision
from imbclf.utils.checks import check_range

PAIRS_PER_STEP = 1 << 24  # bounds memory if all of dev is one batch


def pairwise_auc_loss(logits: Tensor, targets: Tensor, margin: float) -> Tensor:
    """Return the mean of max(0, margin - (f_i - f_j))^2 over pairs, i of label 1 and j of label 0.

    At margin 1 it is an upper bound of 1 - AUROC, with a squared hinge instead of a step. The loss
    of a batch with one label is 0. With soft labels the pair (i, j) has the weight y_i (1 - y_j),
    including i = j, which has no gradient.

    Sources: Yan et al., Optimizing Classifier Performance via an Approximation to the
    Wilcoxon-Mann-Whitney Statistic, ICML 2003; Gao & Zhou, On the Consistency of AUC Pairwise
    Optimization, IJCAI 2015.

    Args:
        logits: `[N]`, any floating dtype.
        targets: `[N]`, labels 0 and 1, or soft labels in between.
        margin: difference of logits from which the loss of a pair is 0.

    >>> pairwise_auc_loss(torch.tensor([2.0, 0.5, 0.0]), torch.tensor([1, 1, 0]), margin=1.0)
    tensor(0.1250)
    """
    logits, targets = in_full_precision(logits, targets)
    rows = max(1, PAIRS_PER_STEP // len(logits))
    cost = logits.new_zeros(())
    for first in range(0, len(logits), rows):
        chosen = slice(first, first + rows)
        hinge = (margin - logits[chosen, None] + logits).relu() ** 2
        # Not a matrix product, which autocast would compute in half precision.
        cost = cost + (targets[chosen] * (hinge * (1 - targets)).sum(1)).sum()
    pairs = targets.sum() * (1 - targets).sum()
    return cost / pairs.clamp_min(torch.finfo(logits.dtype).tiny)


class PairwiseAUCLoss(nn.Module):
    """Squared hinge loss over the pairs of both labels in a batch.

    It depends on differences of logits only, so the threshold must be chosen on dev. Batches should
    have several minority images.

    Args:
        margin: difference of logits from which the loss of a pair is 0.

    Raises:
        UserError: the margin is not a number above 0.

    >>> PairwiseAUCLoss()(torch.tensor([2.0, 0.5, 0.0]), torch.tensor([1, 1, 0]))
    tensor(0.1250)
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        check_range("loss.margin", margin, above=0)
        self.margin = margin

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of logits `[N]` and targets `[N]`, a scalar."""
        return pairwise_auc_loss(logits, targets, self.margin)
