"""How a loss refuses an option that makes no sense."""

import math

from imbclf.errors import UserError


def check_option(name: str, value: float, right: bool, expected: str) -> None:
    """Refuse an option that is not a finite number in its range.

    Raises:
        UserError: names the option and what was expected.

    >>> check_option("gamma", 2.0, right=True, expected="0 or more")
    """
    if not (math.isfinite(value) and right):
        raise UserError(f"loss.{name}={value}: expected {expected}")
