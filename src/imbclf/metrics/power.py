"""What difference of two classifiers a test of this size would have found."""

from scipy.stats import norm

POWER = 0.8


def detectable_difference(
    half_width: float, tests: int = 1, level: float = 0.95, power: float = POWER
) -> float:
    """Return the true difference in HTER that a test finds with the given power.

    delta = (z(1 - alpha / 2m) + z(power)) SE, with alpha = 1 - level, m tests by Bonferroni, and
    SE = half_width / z(1 - alpha / 2). For `paired_hter_test`, SE follows from the discordances:
    1/2 sqrt((FAR_AB + FAR_BA) / n0 + (FRR_AB + FRR_BA) / n1).

    Simulated power at this difference (standard error .012), by images of label 0 and of label 1,
    rate of discordance and m: .87 (36, 264, 20 %, 1), .84 (120, 880, 10 %, 1), .80 (360, 2640, 5 %,
    1), .90, .85 and .80 with m = 10: with few images, somewhat smaller differences are found too.

    Source: Miettinen, "The matched pairs design in the case of all-or-none responses", Biometrics
    24, 1968, formula of the unconditional power.

    Args:
        half_width: of the confidence interval of the difference, for one test.
        tests: number of tests that p is adjusted for.
        level: confidence level of the interval.
        power: share of tests that find the difference.

    >>> round(detectable_difference(0.0196), 4), round(detectable_difference(0.0196, tests=10), 4)
    (0.028, 0.0365)
    """
    alpha = 1 - level
    standard_error = half_width / float(norm.ppf(1 - alpha / 2))
    return float(norm.ppf(1 - alpha / (2 * tests)) + norm.ppf(power)) * standard_error
