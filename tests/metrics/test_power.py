"""The difference that a paired test finds, against simulated comparisons."""

import numpy as np
import pytest

from imbclf.metrics.power import detectable_difference
from imbclf.metrics.significance import paired_hter_test

Z = 1.959964


def shares_of(discordance: float, difference: float) -> list[float]:
    """Shares of images that A alone and B alone decide wrong."""
    return [(discordance + difference) / 2, (discordance - difference) / 2]


@pytest.mark.slow
@pytest.mark.parametrize("tests", [1, 10])
@pytest.mark.parametrize(
    ("counts", "discordance", "highest"),
    [((36, 264), 0.2, 0.92), ((120, 880), 0.1, 0.88), ((360, 2640), 0.05, 0.86)],
)
def test_the_detectable_difference_is_found_in_80_of_100_comparisons(
    counts: tuple[int, int], discordance: float, highest: float, tests: int
) -> None:
    error = np.sqrt(sum(discordance / count for count in counts)) / 2
    difference = detectable_difference(Z * error, tests)
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], counts)
    only_a, only_b = shares_of(discordance, difference)
    found = 0
    for _ in range(1000):
        drawn = rng.random(len(labels))
        wrong_a, wrong_b = drawn < only_a, drawn > 1 - only_b
        a, b = (np.where(wrong, 1 - labels, labels) for wrong in (wrong_a, wrong_b))
        found += paired_hter_test(a, b, labels).p < 0.05 / tests
    print(counts, discordance, tests, round(difference, 4), found / 1000)
    assert 0.77 < found / 1000 < highest


def test_more_tests_and_more_power_need_a_larger_difference() -> None:
    assert detectable_difference(0.01) < detectable_difference(0.01, tests=3)
    assert detectable_difference(0.01) < detectable_difference(0.01, power=0.9)
    assert detectable_difference(0.02) == pytest.approx(2 * detectable_difference(0.01))
