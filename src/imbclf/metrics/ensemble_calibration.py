"""Calibration of an ensemble's averaged log-odds without images that all its models are new to."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from imbclf.utils.arrays import check_binary


def sharpening(correlation: float, models: int) -> float:
    """Return by what the average of M models' log likelihood ratios is to be multiplied.

    Noise of its own pulls each model's calibrated log-odds towards the prior. Averaging removes all
    but 1/M of that noise, but not the pull, so that the average is under-confident. With r the
    share of the noise that models have in common (`models_correlation`), the factor is

    1 / (r + (1 - r) / M), from 1 (r = 1, or one model) to M (r = 0).

    It is exact for two normal classes of equal variance, whose log-odds have slope distance /
    variance. Sources: Spearman, Brown, "Correlation calculated from faulty data", "Some
    experimental results in the correlation of mental abilities", British Journal of Psychology 3,
    1910, for the variance of an average; Rahaman and Thiery, "Uncertainty quantification and deep
    ensembles", NeurIPS 2021, for calibration after averaging.

    Args:
        correlation: r, 0 to 1.
        models: M, 1 or more.

    >>> sharpening(1.0, 5), sharpening(0.5, 1), round(sharpening(0.5, 5), 2), sharpening(0.0, 5)
    (1.0, 1.0, 1.67, 5.0)
    """
    return 1 / (correlation + (1 - correlation) / models)


def models_correlation(
    log_odds: NDArray[np.float64], labels: NDArray[np.int64], prior: float
) -> float:
    """Return the share r of the models' noise that they have in common, for `sharpening`.

    Cross-validation leaves no image that all models are new to, but many that two are new to: dev
    of one fold, test of another. On these images P = sigmoid(logit prior + a (x - logit prior)) is
    fitted to the log-odds x of single models, which gives a slope a1, and to the mean of both,
    which gives a2. The law of `sharpening` is a2 / a1 = 2 / (1 + r), hence r = 2 a1 / a2 - 1.

    What that does to probabilities, on 20,000 new images: expected calibration error and log loss,
    means of 8 runs of 5 folds, and the median slope of a logistic regression of the labels on the
    shipped log-odds, 1 where these are neither too timid nor too bold.

    ======== ============ =================== =================== ===================
    learner  minority     mean of P (before)  mean of log-odds    sharpened
    ======== ============ =================== =================== ===================
    logistic 10 of 1000   0.0048 0.0414 1.64  0.0040 0.0413 1.66  0.0043 0.0409 1.56
    random   10 of 1000   0.0048 0.0441 2.04  0.0023 0.0441 2.11  0.0044 0.0419 1.60
    network  10 of 1000   0.0024 0.0485 1.98  0.0008 0.0487 1.99  0.0026 0.0469 1.25
    trees    10 of 1000   0.0045 0.0444 2.14  0.0023 0.0437 2.07  0.0042 0.0406 1.44
    logistic 30 of 1000   0.0095 0.0809 1.34  0.0085 0.0806 1.30  0.0079 0.0802 1.30
    random   30 of 1000   0.0162 0.0885 1.77  0.0134 0.0875 1.66  0.0083 0.0828 1.31
    network  30 of 1000   0.0141 0.0926 1.78  0.0114 0.0929 1.65  0.0075 0.0895 1.34
    trees    30 of 1000   0.0161 0.0855 1.71  0.0118 0.0839 1.46  0.0078 0.0805 1.22
    logistic 120 of 1000  0.0165 0.1705 1.21  0.0149 0.1699 1.18  0.0148 0.1698 1.18
    random   120 of 1000  0.0361 0.1900 1.62  0.0269 0.1848 1.44  0.0143 0.1782 1.14
    network  120 of 1000  0.0258 0.1910 1.36  0.0193 0.1889 1.24  0.0120 0.1859 1.10
    trees    120 of 1000  0.0259 0.1820 1.36  0.0181 0.1782 1.23  0.0132 0.1761 1.16
    logistic 360 of 3000  0.0058 0.1629 1.04  0.0057 0.1628 1.03  0.0057 0.1628 1.03
    random   360 of 3000  0.0194 0.1728 1.29  0.0129 0.1701 1.18  0.0061 0.1681 1.00
    network  360 of 3000  0.0154 0.1793 1.20  0.0103 0.1783 1.11  0.0072 0.1772 1.02
    trees    360 of 3000  0.0135 0.1690 1.18  0.0085 0.1675 1.08  0.0075 0.1670 1.02
    ======== ============ =================== =================== ===================

    Learners (`tests/helpers/simulated_ensembles.py`): logistic regression, the same on
    random features drawn anew in each fold; a small neural network; extremely randomized trees.
    Estimating r by the correlation of log-odds within classes was as good for all but trees, whose
    noise is not normal, and which it made far too bold. With 10 images of the minority no way is
    good: calibrations of single folds, of three such images each, are too timid by themselves.

    Args:
        log_odds: `[N, M]`, calibrated; NaN where the model was trained on the image.
        labels: `[N]`, 0 or 1.
        prior: share of label 1 that the log-odds are calibrated for.

    Returns:
        r, 0 to 1; 1, which leaves the average as it is, where no two models share images of both
        labels, or models know nothing.

    >>> random = np.random.default_rng(0)
    >>> labels = np.repeat([0, 1], 20_000)
    >>> shared = 2 * labels - 1 + random.normal(size=40_000)
    >>> scores = shared[:, None] + random.normal(size=(40_000, 2))  # half of the noise is shared
    >>> round(models_correlation(scores, labels, prior=0.5), 1)  # 2 x / 2 are their log-odds
    0.5
    """
    truth = check_binary(labels)
    center = float(logit(prior))
    known = np.isfinite(log_odds)
    single, mean, of_single, of_mean = [], [], [], []
    for one in range(log_odds.shape[1]):
        for other in range(one + 1, log_odds.shape[1]):
            rows = known[:, one] & known[:, other]
            pair = log_odds[rows][:, [one, other]] - center
            single.append(pair.ravel())
            mean.append(pair.mean(axis=1))
            of_single.append(np.repeat(truth[rows], 2))
            of_mean.append(truth[rows])
    if not of_mean or len(np.unique(np.concatenate(of_mean))) < 2:
        return 1.0
    slopes = [
        _slope(np.concatenate(ratios), np.concatenate(classes), center)
        for ratios, classes in ((single, of_single), (mean, of_mean))
    ]
    if min(slopes) <= 0:
        return 1.0
    return float(np.clip(2 * slopes[0] / slopes[1] - 1, 0, 1))


def _slope(ratios: NDArray[np.float64], labels: NDArray[np.int64], center: float) -> float:
    """Fit a of P(label 1) = sigmoid(center + a ratio), on Platt's targets, which keep a finite."""
    n0, n1 = np.bincount(labels, minlength=2)
    targets = np.where(labels == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))
    size = float(np.abs(ratios).max())
    if size == 0:
        return 0.0
    ratios = ratios / size

    def loss(slope: float) -> float:
        logits = center + slope * ratios
        return float((np.logaddexp(0, logits) - targets * logits).mean())

    if ((expit(center) - targets) * ratios).mean() >= 0:  # the loss rises from 0 on
        return 0.0
    # It is convex: the largest slope is beyond any that a calibration can have.
    found = minimize_scalar(loss, bounds=(0, 100 * size + 1000), method="bounded")
    return float(found.x) / size
