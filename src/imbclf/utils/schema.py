"""Checks of values that were read from JSON or YAML; an error names the key it is about.

A check takes a value and returns it typed, or raises ValueError. Checks compose:
`field(stored, "hter_interval", list_of(number, length=2))`.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
Check = Callable[[object], T]

LARGEST_COUNT = 2**53  # whole numbers up to here are exact as floats


def number(value: object) -> float:
    """Check for a finite number.

    >>> number(3)
    3.0
    >>> number(float("nan"))
    Traceback (most recent call last):
    ValueError: expected a finite number, found nan
    """
    if not is_number(value):
        raise ValueError(f"expected a finite number, found {_shown(value)}")
    return float(value)  # type: ignore[arg-type]


def is_number(value: object) -> bool:
    """Return whether a value is a finite number.

    >>> is_number(0.5), is_number(3), is_number(True), is_number("3"), is_number(10**400)
    (True, True, False, False, False)
    """
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and abs(value) <= sys.float_info.max  # type: ignore[arg-type]


def count(value: object) -> int:
    """Check for a whole number from 0.

    >>> count(-1)
    Traceback (most recent call last):
    ValueError: expected a whole number from 0, found -1
    """
    if type(value) is not int or not 0 <= value < LARGEST_COUNT:
        raise ValueError(f"expected a whole number from 0, found {_shown(value)}")
    return value


def text(value: object) -> str:
    """Check for a text."""
    if not isinstance(value, str):
        raise ValueError(f"expected a text, found {_shown(value)}")
    return value


def line(value: object) -> str:
    r"""Check for a text of one line.

    >>> line("0\n1")
    Traceback (most recent call last):
    ValueError: expected one line of text, found '0\n1'
    """
    if len(text(value).splitlines()) > 1:
        raise ValueError(f"expected one line of text, found {_shown(value)}")
    return text(value)


def mapping(value: object) -> Mapping[str, Any]:
    """Check for an object: values by name."""
    if not isinstance(value, Mapping):
        raise ValueError(f"expected an object, found {_shown(value)}")
    return value


def one_of(*known: object) -> Check[Any]:
    """Return a check for one of some values.

    >>> one_of(0, 1)(7)
    Traceback (most recent call last):
    ValueError: expected 0 or 1, found 7
    """

    def check(value: object) -> object:
        if not any(type(value) is type(one) and value == one for one in known):
            raise ValueError(f"expected {' or '.join(map(str, known))}, found {_shown(value)}")
        return value

    return check


def optional(check: Check[T]) -> Check[T | None]:
    """Return a check that also passes None."""
    return lambda value: None if value is None else check(value)


def list_of(check: Check[T], length: int | None = None) -> Check[list[T]]:
    """Return a check for a list, every item of which passes a check.

    >>> list_of(number, length=2)([0.1])
    Traceback (most recent call last):
    ValueError: expected 2 values, found 1
    """

    def check_list(value: object) -> list[T]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"expected a list, found {_shown(value)}")
        if length not in (None, len(value)):
            raise ValueError(f"expected {length} values, found {len(value)}")
        return [check(item) for item in value]

    return check_list


def one_or_several(value: object) -> object:
    """Check for a text, number or bool, or a list of them.

    >>> one_or_several(["mel", 1]), one_or_several("mel")
    (['mel', 1], 'mel')
    """
    if isinstance(value, list | tuple):
        return [one_or_several(item) for item in value if not isinstance(item, list | tuple)]
    if not isinstance(value, str | bool) and not is_number(value):
        raise ValueError(f"expected a text, a number or a list, found {_shown(value)}")
    return value


def mapping_of(check: Check[T]) -> Check[dict[str, T]]:
    """Return a check for an object, every value of which passes a check."""
    return lambda value: {str(key): field(mapping(value), key, check) for key in mapping(value)}


def field(stored: Mapping[str, Any], key: str, check: Check[T]) -> T:
    """Return a value by its key, checked.

    >>> field({"hter": "<script>"}, "hter", number)
    Traceback (most recent call last):
    ValueError: hter: expected a finite number, found '<script>'
    >>> field({}, "hter", number)
    Traceback (most recent call last):
    ValueError: hter is missing
    """
    if key not in stored:
        raise ValueError(f"{key} is missing")
    try:
        return check(stored[key])
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _shown(value: object) -> str:
    """Return a scalar as it is, of anything else the type: it may be too large to write out."""
    if value is None or isinstance(value, bool | float):
        return repr(value)
    if isinstance(value, int):
        return repr(value) if abs(value) < 10**20 else "a huge number"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:40]}...")
    return type(value).__name__
