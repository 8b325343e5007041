"""Shares by which the logits of several classifiers add up."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from imbclf.models.logistic_regression import balanced_weights, effective_share

Floats = NDArray[np.float64]


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
    weights = balanced_weights(labels) * effective_share(labels)
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
