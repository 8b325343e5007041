"""Power laws against scipy, in closed form, and where they do not hold."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from imbclf.metrics.power_law import EXPONENTS, fit_power_law, fit_power_laws

SIZES = np.array([0.125, 0.25, 0.5, 1.0])


def law(sizes: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
    return a + b * sizes**-c


def cost(errors: np.ndarray, *values: float) -> float:
    return float(((law(SIZES, *values) - errors) ** 2).sum())


def test_a_curve_of_the_family_is_found_again() -> None:
    for a, b, c in ((0.1, 0.05, 0.5), (0.0, 0.2, 0.3), (0.08, 0.01, 1.0)):
        found = fit_power_law(SIZES, law(SIZES, a, b, c))
        assert [found.a, found.b, found.c] == pytest.approx([a, b, c], abs=1e-9)
        assert found.at([2, 4]) == pytest.approx(law(np.array([2.0, 4.0]), a, b, c))


def test_noisy_curves_are_fitted_as_well_as_scipy_fits_them() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, c = rng.uniform(0, 0.2), rng.uniform(0.2, 0.9)
        errors = law(SIZES, a, 0.05, c) + rng.normal(0, 0.01, 4)
        found = fit_power_law(SIZES, errors)
        assert found.a >= 0
        assert found.b >= 0
        best = min(
            cost(
                errors,
                *curve_fit(
                    law,
                    SIZES,
                    errors,
                    (0.05, 0.05, start),
                    bounds=([0, 0, 0.1], [np.inf, np.inf, 1]),
                )[0],
            )
            for start in (0.2, 0.5, 0.9)
        )
        # The exponent is one of a grid.
        assert cost(errors, found.a, found.b, found.c) <= best + 2e-6


def test_a_rising_curve_is_flat() -> None:
    found = fit_power_law(SIZES, [0.1, 0.11, 0.12, 0.13])
    assert found.b == 0
    assert found.at([4])[0] == pytest.approx(0.115)


def test_many_curves_at_once_are_fitted_as_one_after_the_other() -> None:
    errors = np.random.default_rng(1).uniform(0, 0.3, (10, 4))
    a, b, c = fit_power_laws(SIZES, errors)
    for row in range(10):
        one = fit_power_law(SIZES, errors[row])
        # Of a flat curve all exponents are equally good.
        expected = law(SIZES, a[row], b[row], c[row])
        assert one.at(SIZES) == pytest.approx(expected, abs=1e-9)
    assert set(c) <= set(EXPONENTS)
    with pytest.raises(ValueError, match="three sizes or more"):
        fit_power_law([1, 1, 2], [0.1, 0.2, 0.3])
