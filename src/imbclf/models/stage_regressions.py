"""One function of the features of several stages of a network, each with its say."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imbclf.models.gaussian_kernels import GAMMA, bounded, nystrom_features
from imbclf.models.logistic_regression import (
    PRECISION,
    Regressions,
    balanced_weights,
    choose_strength,
    fit_logistic,
    principal_axes,
)
from imbclf.models.stacking import stack_logits

KERNELS = 2  # sums of kernels: of the first two stages, and of all

Floats = NDArray[np.float64]
Function = tuple[Tensor, Tensor, Tensor]  # weights [D], bias, coefficients [KERNELS, M]


class StageSum(NamedTuple):
    """A function of standardized features x: w . x + b + sum_kj a_kj exp(-|s_k (x - z_j)|^2).

    Attributes:
        weights: w, float32 [D].
        bias: b, float32 scalar.
        coefficients: a, of the M landmarks z, float32 [`KERNELS`, M].
        scales: s, float32 [`KERNELS`, D].
    """

    weights: Tensor
    bias: Tensor
    coefficients: Tensor
    scales: Tensor


def fit_stages(
    features: Tensor,
    labels: NDArray[np.int64],
    held_out: Sequence[NDArray[np.int64]],
    stages: NDArray[np.int64],
    landmarks: NDArray[np.int64] | None = None,
) -> StageSum:
    """Return a sum of regressions on the first stage, the first two, and all.

        f = sum_k a_k f_k + c, a_k >= 0

    f_k is the balanced logistic regression on the features of its stages, with a strength of its
    own, or on their Gaussian kernels with landmarks. Shares a and the bias c have the least
    balanced loss on the logits that each f_k has of images it was not fitted to. So where early
    stages say more (a small dark spot), the many features of late ones do not drown them, and
    conversely; and few images, of which kernels know little, are judged by linear functions.
    Source: Wolpert, Stacked generalization, 1992; Breiman, Stacked regressions, 1996, for shares
    that are not negative.

    Args:
        features: standardized, float32 [N, D].
        labels: int64 [N], 0 and 1.
        held_out: parts of the N images. Without any, the regression on all features is returned.
        stages: of each feature, int64 [D]; where all are the same there is one regression.
        landmarks: rows of images that others are compared with; of the first two stages and of
            all there is a regression on kernels, too.
    """
    rows = np.empty(0, np.int64) if landmarks is None else landmarks
    scales = features.new_tensor(kernel_scales(stages))
    last = np.unique(np.minimum([0, 1, stages.max()], stages.max()))
    fitted = [
        _fit_linear(features, labels, held_out, stages <= stage, len(rows))
        for stage in (last if held_out else last[-1:])
    ]
    if held_out and len(rows):
        first = 0 if stages.max() > 1 else KERNELS - 1  # of two stages or one, both sums see all
        fitted += [
            _fit_kernels(features, labels, held_out, scales, number, rows)
            for number in range(first, KERNELS)
        ]
    if len(fitted) == 1:
        return StageSum(*fitted[0][0], scales)
    held = np.concatenate(held_out)
    unseen = np.stack([logits for _, logits in fitted], axis=1)
    shares, bias = stack_logits(unseen[held], labels[held])
    parts = zip(*(function for function, _ in fitted), strict=True)
    weights, biases, coefficients = (
        torch.stack([share * one for share, one in zip(shares.tolist(), each, strict=True)]).sum(0)
        for each in parts
    )
    return StageSum(weights, biases + bias, coefficients, scales)


def kernel_scales(stages: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the scale of each standardized feature in each sum of kernels, [`KERNELS`, D].

    The first sum sees the first two stages, the last sees all. Squared distances in them are
    `GAMMA` times those of a feature, on average.

    >>> kernel_scales(np.array([0, 1, 2, 2])).round(2).tolist()
    [[0.5, 0.5, 0.0, 0.0], [0.35, 0.35, 0.35, 0.35]]
    """
    seen = np.stack([stages <= 1, stages >= 0])
    scales: NDArray[np.float64] = np.sqrt(GAMMA / seen.sum(axis=1, keepdims=True)) * seen
    return scales


def _fit_linear(
    features: Tensor,
    labels: NDArray[np.int64],
    held_out: Sequence[NDArray[np.int64]],
    seen: NDArray[np.bool_],
    landmarks: int,
) -> tuple[Function, Floats]:
    """Return a linear function of the features that are seen, and what `_fit_one` says of it."""
    chosen = torch.from_numpy(np.flatnonzero(seen))
    found, logits = _fit_one(features if seen.all() else features[:, chosen], labels, held_out)
    weights = features.new_zeros(features.shape[1])
    weights[chosen] = found.weights[:, 0]
    return (weights, found.biases[0], features.new_zeros(KERNELS, landmarks)), logits


def _fit_kernels(
    features: Tensor,
    labels: NDArray[np.int64],
    held_out: Sequence[NDArray[np.int64]],
    scales: Tensor,
    number: int,
    landmarks: NDArray[np.int64],
) -> tuple[Function, Floats]:
    """Return a sum of kernels of these scales with landmarks, and what `_fit_one` says of it."""
    seen = scales[number] > 0
    scaled = bounded(features[:, seen]) * scales[number, seen]
    phi, basis = nystrom_features(scaled, scaled[torch.from_numpy(landmarks)])
    length = float(seen.sum()) ** 0.5  # as long as the features that are seen, for like strengths
    found, logits = _fit_one(phi * length, labels, held_out)
    coefficients = features.new_zeros(KERNELS, len(landmarks))
    coefficients[number] = basis @ found.weights[:, 0] * length
    return (features.new_zeros(features.shape[1]), found.biases[0], coefficients), logits


def _fit_one(
    features: Tensor, labels: NDArray[np.int64], held_out: Sequence[NDArray[np.int64]]
) -> tuple[Regressions, Floats]:
    """Return a balanced regression, and the logits [N] of each image by one that did not see it."""
    weights = torch.from_numpy(balanced_weights(labels)).to(features)
    axes = principal_axes(features, weights)
    strength, logits = choose_strength(features, labels, held_out, axes)
    truth, strengths = torch.from_numpy(labels).to(features.device), torch.tensor([strength])
    found = fit_logistic(features, truth, weights[:, None], strengths.to(features), PRECISION, axes)
    return found, logits.double().cpu().numpy()
