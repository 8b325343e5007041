"""Assertions that `python -O` keeps."""


def expect(holds: bool, contract: str) -> None:
    """Raise an `AssertionError` unless a part of the contract holds.

    >>> expect(1 + 1 == 3, "one and one are three")
    Traceback (most recent call last):
    AssertionError: one and one are three
    """
    if not holds:
        raise AssertionError(contract)
