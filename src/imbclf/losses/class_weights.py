"""Class weights from the numbers of training images, and weighted means of losses.

If both classes are of equal size, label 0 is the minority.
"""

import math

import torch
from torch import Tensor

from imbclf.errors import UserError
from imbclf.utils.arrays import minority_class
from imbclf.utils.checks import check_range


def balanced_weights(class_counts: tuple[int, int]) -> tuple[float, float]:
    """Return the weights w_y = n / (2 n_y) of label 0 and label 1, which balance the classes.

    Their mean over the training images is 1.

    Raises:
        UserError: a class has no image.

    >>> balanced_weights((25, 75))
    (2.0, 0.6666666666666666)
    """
    n0, n1 = check_class_counts(class_counts)
    return (n0 + n1) / (2 * n0), (n0 + n1) / (2 * n1)


def minority_weights(
    class_counts: tuple[int, int], minority: float, majority: float
) -> tuple[float, float]:
    """Return the weights of label 0 and label 1 from those of the minority and the majority.

    Raises:
        UserError: a class has no image.

    >>> minority_weights((25, 75), minority=10.0, majority=1.0)
    (10.0, 1.0)
    """
    if minority_class(check_class_counts(class_counts)) == 0:
        return minority, majority
    return majority, minority


def class_weights(
    class_counts: tuple[int, int], minority_weight: float | None
) -> tuple[float, float]:
    """Return the weights of label 0 and label 1 for an option `minority_weight`.

    The weight of the majority is 1; None gives `balanced_weights`.

    Raises:
        UserError: a class has no image, or the weight is not a number above 0.

    >>> class_weights((25, 75), 3.0), class_weights((25, 75), None)
    ((3.0, 1.0), (2.0, 0.6666666666666666))
    """
    if minority_weight is None:
        return balanced_weights(class_counts)
    hint = "null balances the classes"
    check_range("loss.minority_weight", minority_weight, above=0, hint=hint)
    return minority_weights(class_counts, minority_weight, 1.0)


def effective_number_weights(class_counts: tuple[int, int], beta: float) -> tuple[float, float]:
    """Return weights inverse to the effective numbers of images: w_y ~ (1 - beta)/(1 - beta^n_y).

    (1 - beta^n)/(1 - beta) is the effective number of n images that overlap, each covering a share
    1 - beta of the data manifold. beta = 0 gives weights 1, beta -> 1 gives `balanced_weights`;
    the mean over the training images is 1. Source: Cui et al., Class-Balanced Loss Based on
    Effective Number of Samples, CVPR 2019, where the mean over the classes is 1.

    Raises:
        UserError: a class has no image, or beta is not in [0, 1).

    >>> effective_number_weights((25, 75), beta=0.0)
    (1.0, 1.0)
    """
    check_range("loss.beta", beta, at_least=0, below=1, hint="try 0.9999")
    counts = check_class_counts(class_counts)
    # 1 - beta^n, accurate also for beta close to 1.
    inverse = [1 / -math.expm1(n * math.log(beta)) if beta > 0 else 1.0 for n in counts]
    mean = sum(n * w for n, w in zip(counts, inverse, strict=True)) / sum(counts)
    return inverse[0] / mean, inverse[1] / mean


def check_class_counts(class_counts: tuple[int, int]) -> tuple[int, int]:
    """Return the class counts, both above 0.

    Raises:
        UserError: a class has no image.

    >>> check_class_counts((3, 4))
    (3, 4)
    """
    n0, n1 = class_counts
    if n0 < 1 or n1 < 1:
        raise UserError(
            f"loss: expected training images of both labels, but there are {n0} of label 0 and "
            f"{n1} of label 1. Check the labels, or use loss=bce, which needs no class counts."
        )
    return n0, n1


def weighted_mean(
    targets: Tensor, loss_0: Tensor, loss_1: Tensor, weight_0: float = 1.0, weight_1: float = 1.0
) -> Tensor:
    """Return the mean over images of w_y l_y; a soft label y is y of label 1, 1 - y of label 0.

    The divisor is the number of images, not the sum of weights.

    Args:
        targets: `[N]`, labels 0 and 1, or soft labels in between.
        loss_0: `[N]`, loss of each image if its label were 0.
        loss_1: `[N]`, loss of each image if its label were 1.
        weight_0: weight of label 0.
        weight_1: weight of label 1.

    >>> weighted_mean(torch.tensor([0.5]), torch.tensor([2.0]), torch.tensor([4.0]))
    tensor(3.)
    """
    return ((1 - targets) * (weight_0 * loss_0) + targets * (weight_1 * loss_1)).mean()


def class_means(targets: Tensor, of_0: Tensor, of_1: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of `of_0` over label 0, and the mean of `of_1` over label 1.

    A soft label y counts as y of label 1 and 1 - y of label 0. The mean over an absent
    label is 0.

    Args:
        targets: `[N]`, labels 0 and 1, or soft labels in between.
        of_0: `[N]`.
        of_1: `[N]`.

    >>> values = torch.tensor([1.0, 3.0, 8.0])
    >>> class_means(torch.tensor([0.0, 0.0, 1.0]), values, values)
    (tensor(2.), tensor(8.))
    """
    tiny = torch.finfo(of_0.dtype).tiny
    zeros, ones = (1 - targets).sum(), targets.sum()
    return (
        ((1 - targets) * of_0).sum() / zeros.clamp_min(tiny),
        (targets * of_1).sum() / ones.clamp_min(tiny),
    )
