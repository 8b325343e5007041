"""Learning curves: how an error falls with the number of images, as a power law."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

EXPONENTS = np.linspace(0.1, 1.0, 46)


@dataclass(frozen=True)
class PowerLaw:
    """error(n) = a + b n^-c, with a, b >= 0 and c from .1 to 1.

    Attributes:
        a: what remains of the error, however many images there are.
        b, c: how far and how fast the rest falls.
    """

    a: float
    b: float
    c: float

    def at(self, sizes: ArrayLike) -> NDArray[np.float64]:
        """Return the error at some numbers of images, float64.

        >>> PowerLaw(0.1, 2.0, 0.5).at([100, 400]).round(3).tolist()
        [0.3, 0.2]
        """
        return np.asarray(self.a + self.b * np.asarray(sizes, np.float64) ** -self.c, np.float64)


def fit_power_law(sizes: ArrayLike, errors: ArrayLike) -> PowerLaw:
    """Fit a power law to errors at three or more numbers of images, by least squares.

    For each exponent on a grid of steps of .02 a and b are solved for exactly; the exponents are
    those of learning curves as they are found, `.1` to `1`. Sources: Hestness et al., "Deep
    learning scaling is predictable, empirically", 2017; Viering and Loog, "The shape of learning
    curves: a review", IEEE TPAMI 45, 2023.

    Args:
        sizes: `[S]`, numbers of images, above 0, three or more different ones.
        errors: `[S]`, the errors.

    Raises:
        ValueError: shapes differ, or there are fewer than three different sizes.

    >>> law = fit_power_law([100, 400, 1600], [0.3, 0.2, 0.15])
    >>> round(law.a, 3), round(law.b, 3), round(law.c, 2)
    (0.1, 2.0, 0.5)
    """
    numbers, rates = np.asarray(sizes, np.float64), np.asarray(errors, np.float64)
    if numbers.shape != rates.shape or len(np.unique(numbers)) < 3:
        raise ValueError("sizes and errors: expected as many of both, of three sizes or more")
    a, b, c = (float(one[0]) for one in fit_power_laws(numbers, rates[None]))
    return PowerLaw(a, b, c)


def fit_power_laws(
    sizes: NDArray[np.float64], errors: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return a, b and c `[B]` of power laws fitted to B curves, errors `[B, S]` at sizes `[S]`."""
    shape = (len(EXPONENTS), len(errors))
    best_a, best_b, costs = np.empty(shape), np.empty(shape), np.empty(shape)
    for row, exponent in enumerate(EXPONENTS):
        falling = sizes**-exponent
        centered, means = falling - falling.mean(), errors.mean(axis=1)
        b = np.maximum(errors @ centered / (centered @ centered), 0)
        a = means - b * falling.mean()
        # Where a would be negative it is 0, and b what is best then.
        below = a < 0
        a[below], b[below] = 0, np.maximum(errors[below] @ falling / (falling @ falling), 0)
        best_a[row], best_b[row] = a, b
        costs[row] = ((errors - a[:, None] - b[:, None] * falling) ** 2).sum(axis=1)
    chosen, each = costs.argmin(axis=0), np.arange(len(errors))
    return best_a[chosen, each], best_b[chosen, each], EXPONENTS[chosen]
