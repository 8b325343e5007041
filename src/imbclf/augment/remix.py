"""Remix: labels of mixed images that favor the minority."""

import torch
from torch import Tensor

from imbclf.augment.mixup import mix_labels
from imbclf.utils.arrays import minority_class


def remix_labels(
    labels: Tensor,
    partner: Tensor,
    share: Tensor,
    class_counts: tuple[int, int],
    kappa: float,
    tau: float,
) -> Tensor:
    """Return the labels of mixed images, with the minority's label if its share is large enough.

    The factor of y_i is 0 if n_i / n_j >= kappa and lambda < tau, 1 if n_i / n_j <= 1 / kappa and
    1 - lambda < tau, else lambda as in mixup. If the majority has at least kappa times the images
    of the minority, an image mixed of both classes has the label of the minority if the share of
    the majority is below tau. Source: Chou et al., Remix: Rebalanced Mixup, ECCV 2020 workshops.

    Args:
        labels: int64 `[N]`.
        partner: j for each i, int64 `[N]`.
        share: lambda of each i, `[N]`.
        class_counts: training images (n0, n1) of label 0 and label 1.
        kappa: least ratio of the class counts, above 1.
        tau: in 0 to 1.

    Returns:
        Targets, float32 `[N]`.

    >>> labels, partner, share = torch.tensor([0, 1]), torch.tensor([1, 0]), torch.full([2], 0.75)
    >>> remix_labels(labels, partner, share, class_counts=(10, 90), kappa=3.0, tau=0.5)
    tensor([0.0000, 0.7500])
    """
    mixed = mix_labels(labels, partner, share)
    minority = minority_class(class_counts)
    if max(class_counts) < kappa * min(class_counts):
        return mixed
    of_majority = mixed if minority == 0 else 1 - mixed
    both = labels != labels[partner]
    return torch.where(both & (of_majority < tau), float(minority), mixed)
