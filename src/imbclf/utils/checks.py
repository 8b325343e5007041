"""Range and choice checks of options, with one form of message."""

from collections.abc import Iterable
from math import inf

from imbclf.errors import UserError


def check_range(
    option: str,
    value: float,
    *,
    at_least: float = -inf,
    above: float = -inf,
    at_most: float = inf,
    below: float = inf,
    what: str = "",
    hint: str = "",
) -> None:
    """Check that a number is finite and within its bounds.

    The message is `option=value: expected <what> <bounds>; <hint>`.

    Args:
        option: full name of the option, as in `loss.gamma`.
        value: its value.
        at_least: lower bound, inclusive.
        above: lower bound, exclusive; at most one lower bound is given.
        at_most: upper bound, inclusive.
        below: upper bound, exclusive; at most one upper bound is given.
        what: what the number is, as in "a share of training"; default "a number".
        hint: what to do, after the semicolon; nothing by default.

    Raises:
        UserError: the value is NaN, infinite or out of bounds.

    >>> check_range("loss.gamma", 2.0, at_least=0)
    >>> check_range("loss.gamma", -1.0, at_least=0)
    Traceback (most recent call last):
    imbclf.errors.UserError: loss.gamma=-1.0: expected 0 or more
    >>> check_range("data.holdout", 1.0, at_least=0, below=1, what="a share", hint="try 0.2")
    Traceback (most recent call last):
    imbclf.errors.UserError: data.holdout=1.0: expected a share from 0 to below 1; try 0.2
    """
    finite = -inf < value < inf
    if finite and at_least <= value <= at_most and above < value < below:
        return
    bounds = _describe_bounds(at_least, above, at_most, below, what)
    raise UserError(f"{option}={value}: expected {bounds}{f'; {hint}' if hint else ''}")


def _describe_bounds(at_least: float, above: float, at_most: float, below: float, what: str) -> str:
    noun = what or "a number"
    if above > -inf:
        upper = f" and below {below}" if below < inf else f" and at most {at_most}"
        return f"{noun} above {above}{upper if min(below, at_most) < inf else ''}"
    if at_least > -inf:
        if min(below, at_most) < inf:
            return f"{noun} from {at_least} to {f'below {below}' if below < inf else at_most}"
        return f"{what}, {at_least} or more" if what else f"{at_least} or more"
    if min(below, at_most) < inf:
        return f"{noun} {f'below {below}' if below < inf else f'of at most {at_most}'}"
    return f"{what or 'a finite number'}"


def check_choice(option: str, value: object, choices: Iterable[str]) -> None:
    """Check that an option is one of a few words.

    Args:
        option: full name of the option, as in `data.on_corrupt`.
        value: its value.
        choices: the words allowed, in the order in which they are listed.

    Raises:
        UserError: it is none of them.

    >>> check_choice("data.on_corrupt", "ignore", ["error", "skip"])
    Traceback (most recent call last):
    imbclf.errors.UserError: data.on_corrupt=ignore: expected one of error, skip
    """
    known = list(choices)
    if value not in known:
        raise UserError(f"{option}={value}: expected one of {', '.join(known)}")
