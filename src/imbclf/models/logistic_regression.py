"""Many penalized logistic regressions on the same features at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

STRENGTHS = tuple(float(10 ** (power / 2)) for power in range(-8, -1))  # C, .0001 to .1
PRIOR_VARIANCE = 5.0  # of logits, where no images can be held out
PRECISION, ROUGH = 1e-6, 1e-4  # largest error of an objective, as a share of C N
MOST_STEPS = 1000


class Regressions(NamedTuple):
    """M linear functions of features: features [N, D] to logits [N, M].

    Attributes:
        weights: float32 [D, M].
        biases: float32 [M].
    """

    weights: Tensor
    biases: Tensor


class Axes(NamedTuple):
    """Features [N, D] along their R principal axes, which any number of regressions can share.

    Attributes:
        center: weighted mean of the features, [D].
        rotation: [D, R].
        coordinates: of the images along the axes, [N, R].
        spread: weighted sum of squares along each axis, [R].
    """

    center: Tensor
    rotation: Tensor
    coordinates: Tensor
    spread: Tensor


def balanced_weights(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a weight of each of N images by which both labels weigh N / 2.

    >>> balanced_weights(np.array([0, 1, 1, 1])).round(2).tolist()
    [2.0, 0.67, 0.67, 0.67]
    """
    weights: NDArray[np.float64] = (len(labels) / (2 * np.bincount(labels, minlength=2)))[labels]
    return weights


def effective_share(labels: NDArray[np.int64]) -> float:
    """Return the effective share 4 n0 n1 / N^2 of N images: 1 where both labels are as many.

    >>> effective_share(np.array([0, 1, 1, 1]))
    0.75
    """
    zero, one = np.bincount(labels, minlength=2)
    return float(4 * zero * one / len(labels) ** 2)


def fit_logistic(
    features: Tensor,
    targets: Tensor,
    weights: Tensor,
    strengths: Tensor,
    precision: float = PRECISION,
    axes: Axes | None = None,
) -> Regressions:
    """Minimize |w|^2 / 2 + C sum_i s_i log(1 + exp(-t_i f_i)), f = X w + b, for M columns of s, C.

    t is 2 targets - 1. All columns share each product with X, which makes a hundred of them hardly
    slower than ten. Steps are those of Nesterov's gradient method in the principal axes of X,
    divided by Boehning's bound of the curvature, and restarted where the momentum points uphill.

    Args:
        features: X, float32 [N, D].
        targets: 0 or 1, [N].
        weights: s, 0 or more, [N, M]; at most those of `balanced_weights` of all N, or the like.
        strengths: C, above 0, [M].
        precision: largest error of the minimum, as a share of C N.
        axes: `principal_axes` of X by the largest weight of each image; None: computed here.

    Sources: Boehning, Multinomial logistic regression algorithm, 1992; Nesterov, 1983; O'Donoghue
    and Candes, Adaptive restart for accelerated gradient schemes, 2015.

    >>> x, t = torch.tensor([[-1.0], [1.0], [3.0]]), torch.tensor([0, 0, 1])
    >>> fit_logistic(x, t, torch.ones(3, 1), torch.tensor([1e3])).weights.item() > 3
    True
    """
    center, rotation, coordinates, spread = axes or principal_axes(features, weights.amax(dim=1))
    bound = 1 + strengths * spread[:, None] / 4
    bias_bound = strengths * weights.sum(dim=0) / 4
    target = targets.to(features.dtype)[:, None]
    w, b = features.new_zeros(bound.shape), features.new_zeros(len(strengths))
    ahead_w, ahead_b, age = w, b, torch.ones_like(b)
    for _ in range(MOST_STEPS):
        residuals = weights * (torch.sigmoid(coordinates @ ahead_w + ahead_b) - target)
        slope_w = strengths * (coordinates.T @ residuals) + ahead_w
        slope_b = strengths * residuals.sum(dim=0)
        new_w, new_b = ahead_w - slope_w / bound, ahead_b - slope_b / bias_bound
        uphill = (slope_w * (new_w - w)).sum(dim=0) + slope_b * (new_b - b) > 0
        older = torch.where(uphill, 1.0, age)
        age = (1 + torch.sqrt(1 + 4 * older**2)) / 2
        momentum = torch.where(uphill, 0.0, (older - 1) / age)
        ahead_w, ahead_b = new_w + momentum * (new_w - w), new_b + momentum * (new_b - b)
        w, b = new_w, new_b
        error = (slope_w**2).sum(dim=0) / 2 + slope_b**2 / bias_bound
        if bool((error <= precision * strengths * len(features)).all()):
            break
    found = rotation @ w
    return Regressions(found, b - center @ found)


def principal_axes(features: Tensor, weights: Tensor) -> Axes:
    """Return the principal axes of features [N, D] of images of these weights [N]."""
    center = (weights @ features) / weights.sum()
    centered = features - center
    axes = torch.eye(centered.shape[1], dtype=centered.dtype, device=centered.device)
    if len(centered) < centered.shape[1]:  # the regression's weights lie in the span of the images
        axes, rest = torch.linalg.qr(centered.T)
        centered = rest.T
    squares, rotation = torch.linalg.eigh(centered.T @ (weights[:, None] * centered))
    return Axes(center, axes @ rotation, centered @ rotation, squares.clamp_min(0))


def choose_strength(
    features: Tensor,
    labels: NDArray[np.int64],
    held_out: Sequence[NDArray[np.int64]],
    axes: Axes | None = None,
) -> tuple[float, Tensor]:
    """Return the C of `STRENGTHS` whose regressions have the least balanced loss on unseen images.

    Args:
        features: standardized, float32 [N, D].
        labels: [N], 0 and 1.
        held_out: parts of the N images; each is scored by regressions that did not see it. Without
            any, C is that under which logits have a variance of about 5 a priori.
        axes: `principal_axes` of the features by `balanced_weights`; None: computed here.

    Returns:
        C, and the logits [N] that its regressions have of the images held out from them; NaN of an
        image that is in no part.
    """
    if not held_out:
        strength = effective_share(labels) * PRIOR_VARIANCE / features.shape[1]
        return strength, features.new_full((len(labels),), torch.nan)
    balanced, truth = torch.from_numpy(balanced_weights(labels)), torch.from_numpy(labels)
    weights, truth = balanced.to(features), truth.to(features.device)
    columns = weights[:, None].repeat(1, len(held_out))
    for number, part in enumerate(held_out):
        columns[torch.from_numpy(part), number] = 0
    strengths = torch.tensor(STRENGTHS).to(features)
    found = fit_logistic(
        features,
        truth,
        columns.repeat(1, len(strengths)),
        strengths.repeat_interleave(len(held_out)),
        ROUGH,
        axes,
    )
    logits = features @ found.weights + found.biases
    signed = torch.where(truth[:, None] == 1, logits, -logits)
    losses = -weights[:, None] * torch.nn.functional.logsigmoid(signed)
    shape = len(labels), len(strengths), len(held_out)
    held = columns == 0
    best = int((losses.view(shape) * held[:, None]).sum(dim=(0, 2)).argmin())
    own = torch.where(held, logits.view(shape)[:, best], torch.nan).nansum(dim=1)
    return STRENGTHS[best], torch.where(held.any(dim=1), own, torch.nan)
