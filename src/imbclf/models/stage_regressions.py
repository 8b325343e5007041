"""One linear function of the features of several stages of a network, each with its say."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from torch import Tensor

from imbclf.models.logistic_regression import (
    PRECISION,
    Regressions,
    balanced_weights,
    choose_strength,
    fit_logistic,
    principal_axes,
)

Floats = NDArray[np.float64]


def fit_stages(
    features: Tensor,
    labels: NDArray[np.int64],
    held_out: Sequence[NDArray[np.int64]],
    stages: NDArray[np.int64],
) -> Regressions:
    """Return a sum of regressions on the first stage, the first two, and all.

        f = sum_k a_k f_k + c, a_k >= 0

    f_k is the balanced logistic regression on the features of its stages, with a strength of its
    own. Shares a and the bias c have the least balanced loss on the logits that each f_k has of
    images it was not fitted to. So where early stages say more (a small dark spot), the many
    features of late ones do not drown them, and conversely. Source: Wolpert, Stacked
    generalization, 1992; Breiman, Stacked regressions, 1996, for shares that are not negative.

    Args:
        features: standardized, float32 [N, D].
        labels: int64 [N], 0 and 1.
        held_out: parts of the N images. Without any, the regression on all features is returned.
        stages: of each feature, int64 [D]; where all are the same there is one regression.

    Returns:
        The regression, with one column.
    """
    last = np.unique([0, 1, stages.max()]) if held_out else stages.max(keepdims=True)
    columns = [np.flatnonzero(stages <= stage) for stage in last if stage <= stages.max()]
    total = features.new_zeros(features.shape[1], len(columns))
    biases, unseen = features.new_zeros(len(columns)), []
    for number, chosen in enumerate(columns):
        part = features if len(chosen) == len(stages) else features[:, torch.from_numpy(chosen)]
        found, logits = _fit_one(part, labels, held_out)
        total[torch.from_numpy(chosen), number] = found.weights[:, 0]
        biases[number] = found.biases[0]
        unseen.append(logits)
    if len(columns) == 1:
        return Regressions(total, biases)
    held = np.concatenate(held_out)
    shares, bias = stack_logits(np.stack(unseen, axis=1)[held], labels[held])
    own = torch.from_numpy(shares).to(features)
    return Regressions((total @ own)[:, None], (biases @ own + bias)[None])


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


def stack_logits(logits: Floats, labels: NDArray[np.int64]) -> tuple[Floats, float]:
    """Return shares, not negative, and a bias, by which logits @ shares + bias is most probable.

    Both labels weigh the same; the effective number of images is 4 n0 n1 / (n0 + n1). A share is
    1 or so a priori (standard normal), without which those of separable images would have no end.

    Args:
        logits: [N, K], of images that the K regressions were not fitted to.
        labels: [N], 0 and 1.

    >>> generator, labels = np.random.default_rng(0), np.array([0, 1] * 500)
    >>> noise = generator.normal(size=(1000, 2))
    >>> shares, _ = stack_logits(noise + np.stack([2 * labels - 1, 0 * labels], axis=1), labels)
    >>> shares.round().tolist()
    [2.0, 0.0]
    """
    count = logits.shape[1]
    zero, one = np.bincount(labels, minlength=2)
    weights = balanced_weights(labels) * 4 * zero * one / len(labels) ** 2
    signs = 2 * labels - 1

    def loss(parameters: Floats) -> tuple[float, Floats]:
        signed = signs * (logits @ parameters[:-1] + parameters[-1])
        slope = -weights * signs * expit(-signed)
        value = float(weights @ np.logaddexp(0, -signed) + np.sum(parameters[:-1] ** 2) / 2)
        return value, np.append(logits.T @ slope + parameters[:-1], slope.sum())

    start = np.append(np.full(count, 1 / count), 0.0)
    bounds = [(0.0, None)] * count + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return found.x[:-1], float(found.x[-1])
