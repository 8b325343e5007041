"""Search spaces: ranges and choices of options, some of them conditional on a choice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imbclf.errors import UserError

Scalar = str | int | float | bool | None
RANGE, CHOICES = ("low", "high", "log", "step"), ("choices",)


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; integers if both are integers."""

    low: float
    high: float
    log: bool = False
    step: float | None = None


@dataclass(frozen=True)
class Choices:
    """Values to choose from; `below` holds the space that is searched only under a value."""

    values: tuple[Scalar, ...]
    below: "Mapping[Scalar, Space]"


Space = dict[str, Range | Choices]


def read_space(node: Mapping[str, Any], path: str = "") -> Space:
    """Read a space from nested mappings, which end in `{low, high}` or `{choices}`.

    Keys below a choice are relative to its key: `loss: {choices: {focal: {gamma: ...}}}` varies
    `loss.gamma` if `loss` is `focal`.

    Raises:
        UserError: a node is invalid; the message names its key.

    >>> space = read_space({"optim": {"lr": {"low": 1e-4, "high": 0.1, "log": True}}})
    >>> space
    {'optim.lr': Range(low=0.0001, high=0.1, log=True, step=None)}
    """
    space: Space = {}
    for key, value in node.items():
        name = f"{path}.{key}" if path else str(key)
        if not isinstance(value, Mapping):
            raise UserError(
                f"search.{name}={value}: expected {{low: ..., high: ...}} or {{choices: [...]}}"
            )
        if "choices" in value:
            space[name] = _choices(name, value)
        elif "low" in value or "high" in value:
            space[name] = _range(name, value)
        else:
            space |= read_space(value, name)
    return space


def _choices(name: str, node: Mapping[str, Any]) -> Choices:
    _check_keys(name, node, CHOICES)
    given = node["choices"]
    if not isinstance(given, Mapping | list) or not given:
        raise UserError(f"search.{name}.choices={given}: expected a list of values")
    values = tuple(given)
    invalid = [value for value in values if not isinstance(value, Scalar)]
    if invalid or len(set(values)) < len(values):
        raise UserError(f"search.{name}.choices={given}: expected different plain values")
    if not isinstance(given, Mapping):
        return Choices(values, {})
    return Choices(values, {value: read_space(given[value] or {}, name) for value in values})


def _range(name: str, node: Mapping[str, Any]) -> Range:
    _check_keys(name, node, RANGE)
    low, high, log, step = (node.get(key) for key in RANGE)
    numbers = [low, high] if step is None else [low, high, step]
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
        raise UserError(f"search.{name}={dict(node)}: expected numbers for low and high")
    assert low is not None
    assert high is not None
    if not isinstance(log, bool | None) or low >= high or (log and (low <= 0 or step is not None)):
        raise UserError(
            f"search.{name}={dict(node)}: expected low < high, and with log: true low > 0 and no "
            "step"
        )
    return Range(low, high, bool(log), step)


def _check_keys(name: str, node: Mapping[str, Any], known: tuple[str, ...]) -> None:
    others = [str(key) for key in node if key not in known]
    if others:
        raise UserError(
            f"search.{name}: {', '.join(others)} beside {', '.join(node.keys() & set(known))}; "
            f"known here: {', '.join(known)}"
        )


def drop_given(space: Space, given: Mapping[str, str]) -> Space:
    """Return a space without the given keys; keys below a given choice stay.

    >>> below = {"bce": {}, "focal": {"loss.gamma": Range(0.0, 5.0)}}
    >>> list(drop_given({"loss": Choices(("bce", "focal"), below)}, {"loss": "focal"}))
    ['loss.gamma']
    """
    left: Space = {}
    for key, part in space.items():
        if isinstance(part, Choices):
            below = {value: drop_given(inner, given) for value, inner in part.below.items()}
            if key in given:
                chosen = [inner for value, inner in below.items() if str(value) == given[key]]
                left |= chosen[0] if chosen else {}
            else:
                left[key] = Choices(part.values, below)
        elif key not in given:
            left[key] = part
    return left


def example_draws(space: Space) -> Iterator[dict[str, Scalar]]:
    """Yield draws in which every key and every choice occurs, to check them before the search.

    >>> [*example_draws({"a": Choices((1, 2), {}), "b": Range(0.5, 1.0)})]
    [{'a': 1, 'b': 0.5}, {'a': 2, 'b': 0.5}]
    """

    def first(part: Space) -> dict[str, Scalar]:
        drawn: dict[str, Scalar] = {}
        for key, what in part.items():
            value = what.values[0] if isinstance(what, Choices) else what.low
            drawn |= chosen(key, what, value)
        return drawn

    def chosen(key: str, what: Range | Choices, value: Scalar) -> dict[str, Scalar]:
        below = what.below.get(value) if isinstance(what, Choices) else None
        return {key: value} | (first(below) if below else {})

    yield first(space)
    for key, what in space.items():
        rest = first({other: part for other, part in space.items() if other != key})
        for value in what.values[1:] if isinstance(what, Choices) else ():
            yield chosen(key, what, value) | rest
