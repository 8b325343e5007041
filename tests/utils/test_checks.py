"""Range and choice checks of options."""

import math
from typing import Any

import pytest

from imbclf.errors import UserError
from imbclf.utils.checks import check_choice, check_range


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "message"),
    [
        ({"at_least": 0}, [0, 0.5, 10**400], [-1e-9], "0 or more"),
        ({"above": 0}, [1e-9, 1e300], [0, -1], "a number above 0"),
        ({"at_least": 0, "at_most": 1}, [0, 1], [-0.1, 1.1], "a number from 0 to 1"),
        ({"at_least": 0, "below": 1}, [0, 0.9], [1, -1], "a number from 0 to below 1"),
        ({"above": 0, "at_most": 1}, [0.1, 1], [0, 1.1], "a number above 0 and at most 1"),
        ({"above": 0, "below": 1}, [0.5], [0, 1], "a number above 0 and below 1"),
        ({"below": 3}, [-5, 2], [3], "a number below 3"),
        ({"at_most": 3}, [-5, 3], [4], "a number of at most 3"),
        ({}, [-5, 1e300], [], "a finite number"),
    ],
)
def test_bounds_are_checked_and_described(
    bounds: dict[str, Any], inside: list[float], outside: list[float], message: str
) -> None:
    for value in inside:
        check_range("loss.x", value, **bounds)
    for value in (*outside, math.nan, math.inf, -math.inf):
        with pytest.raises(UserError) as refused:
            check_range("loss.x", value, **bounds)
        assert str(refused.value) == f"loss.x={value}: expected {message}"


def test_the_noun_and_the_hint_are_part_of_the_message() -> None:
    with pytest.raises(UserError, match=r"^data.x=-1: expected pixels, 0 or more; try 2$"):
        check_range("data.x", -1, at_least=0, what="pixels", hint="try 2")
    with pytest.raises(UserError, match=r"^data.x=-1: expected a share from 0 to below 1$"):
        check_range("data.x", -1, at_least=0, below=1, what="a share")


def test_a_choice_is_one_of_the_words() -> None:
    check_choice("data.x", "skip", ("error", "skip"))
    for value in ("Skip", None, 0):
        with pytest.raises(UserError, match=rf"^data.x={value}: expected one of error, skip$"):
            check_choice("data.x", value, ("error", "skip"))
