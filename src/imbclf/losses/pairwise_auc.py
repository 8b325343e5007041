"""Ranking by pairs: every image of label 1 above every image of label 0."""

import torch
from torch import Tensor, nn

from imbclf.losses.base import in_full_precision
from imbclf.utils.checks import check_range

PAIRS_AT_ONCE = 1 << 24  # bounds memory where a whole dev part is one batch


def pairwise_auc_loss(logits: Tensor, targets: Tensor, margin: float) -> Tensor:
    """Mean of max(0, margin - (f_i - f_j))^2 over the pairs of an i of label 1, a j of label 0.

    At margin 1 an upper bound of 1 - AUROC, whose step it replaces by a squared hinge. A batch of
    one label has no pairs and costs 0. With soft labels the pair (i, j) weighs y_i (1 - y_j), i = j
    included, which has no slope.
    Sources: Yan et al., Optimizing Classifier Performance via an Approximation to the
    Wilcoxon-Mann-Whitney Statistic, ICML 2003; Gao & Zhou, On the Consistency of AUC Pairwise
    Optimization, IJCAI 2015.

    Args:
        logits: [N], any floating dtype.
        targets: [N], labels 0 and 1, or soft labels between.
        margin: by how much a pair must be in order to cost nothing.

    >>> pairwise_auc_loss(torch.tensor([2.0, 0.5, 0.0]), torch.tensor([1, 1, 0]), margin=1.0)
    tensor(0.1250)
    """
    logits, targets = in_full_precision(logits, targets)
    rows = max(1, PAIRS_AT_ONCE // len(logits))
    cost = logits.new_zeros(())
    for first in range(0, len(logits), rows):
        chosen = slice(first, first + rows)
        hinge = (margin - logits[chosen, None] + logits).relu() ** 2
        # No matrix product, which autocast would take to half precision.
        cost = cost + (targets[chosen] * (hinge * (1 - targets)).sum(1)).sum()
    pairs = targets.sum() * (1 - targets).sum()
    return cost / pairs.clamp_min(torch.finfo(logits.dtype).tiny)


class PairwiseAUCLoss(nn.Module):
    """Squared hinge over the pairs of both labels in a batch.

    It knows differences of logits only: no value of the logit means anything by itself, and the
    threshold must be chosen on dev. A batch should hold several images of the minority.

    Args:
        margin: by how much a pair must be in order to cost nothing.

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
        """Return the loss of logits [N] and targets [N]."""
        return pairwise_auc_loss(logits, targets, self.margin)
