"""What a search varies: ranges and choices for options, some only under a choice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from imbclf.errors import UserError

Scalar = str | int | float | bool | None
RANGE, CHOICES = ("low", "high", "log", "step"), ("choices",)


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, whole ones where both are whole."""

    low: float
    high: float
    log: bool = False
    step: float | None = None


@dataclass(frozen=True)
class Choices:
    """Some values; `below` holds what is varied only where one of them is chosen."""

    values: tuple[Scalar, ...]
    below: "Mapping[Scalar, Space]"


Space = dict[str, Range | Choices]


class Suggest(Protocol):
    """What draws: Optuna's trial."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float:
        """Draw a number."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        """Draw a whole number."""

    def suggest_categorical(self, name: str, choices: tuple[Scalar, ...]) -> Scalar:
        """Draw one of some values."""


def read_space(node: Mapping[str, Any], path: str = "") -> Space:
    """Read a space from nested mappings, which end in `{low, high}` or `{choices}`.

    What stands below a choice is relative to the key: `loss: {choices: {focal: {gamma: ...}}}`
    varies `loss.gamma` where `loss` is `focal`.

    Raises:
        UserError: names the key and says what was expected.

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
    _refuse_others(name, node, CHOICES)
    given = node["choices"]
    if not isinstance(given, Mapping | list) or not given:
        raise UserError(f"search.{name}.choices={given}: expected a list of values")
    values = tuple(given)
    strange = [value for value in values if not isinstance(value, Scalar)]
    if strange or len(set(values)) < len(values):
        raise UserError(f"search.{name}.choices={given}: expected different plain values")
    if not isinstance(given, Mapping):
        return Choices(values, {})
    return Choices(values, {value: read_space(given[value] or {}, name) for value in values})


def _range(name: str, node: Mapping[str, Any]) -> Range:
    _refuse_others(name, node, RANGE)
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


def _refuse_others(name: str, node: Mapping[str, Any], known: tuple[str, ...]) -> None:
    others = [str(key) for key in node if key not in known]
    if others:
        raise UserError(
            f"search.{name}: {', '.join(others)} beside {', '.join(node.keys() & set(known))}; "
            f"known here: {', '.join(known)}"
        )


def draw(space: Space, suggest: Suggest, under: str = "") -> dict[str, Scalar]:
    """Draw a value for each key, those below a choice where it is chosen.

    Numbers keep four digits: no more can matter, and a person has to read them. Names of drawn
    parameters say what they stand under, so that each has one range: `loss.gamma (focal)`.
    """
    drawn: dict[str, Scalar] = {}
    for key, what in space.items():
        name = key + under
        if isinstance(what, Choices):
            value = suggest.suggest_categorical(name, what.values)
            drawn[key] = value
            if what.below.get(value):
                drawn |= draw(what.below[value], suggest, f"{under} ({value})")
        elif isinstance(what.low, int) and isinstance(what.high, int):
            step = int(what.step or 1)
            drawn[key] = suggest.suggest_int(name, what.low, what.high, step=step, log=what.log)
        else:
            number = suggest.suggest_float(name, what.low, what.high, step=what.step, log=what.log)
            drawn[key] = float(f"{number:.4g}")
    return drawn


class Replay:
    """Draw again what a trial drew, of values that a storage holds.

    Args:
        params: what was drawn, by name.

    Raises:
        UserError: when asked for something that is not there or not in its range.

    >>> draw({"b": Range(0.5, 1.0)}, Replay({"b": 0.512345}))
    {'b': 0.5123}
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        self.params = params

    def suggest_float(
        self,
        name: str,
        low: float,
        high: float,
        *,
        step: float | None,  # noqa: ARG002
        log: bool,  # noqa: ARG002
    ) -> float:
        """Return the number."""
        value = self.params.get(name)
        if not isinstance(value, int | float) or not low <= value <= high:
            raise self._refuse(name, value)
        return float(value)

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        """Return the whole number."""
        return round(self.suggest_float(name, low, high, step=step, log=log))

    def suggest_categorical(self, name: str, choices: tuple[Scalar, ...]) -> Scalar:
        """Return the one of the values."""
        value = self.params.get(name)
        if value not in choices:
            raise self._refuse(name, value)
        return choices[choices.index(value)]

    def _refuse(self, name: str, value: object) -> UserError:
        return UserError(f"the study holds {name}={value}, which this search would never draw")


def without(space: Space, given: Mapping[str, str]) -> Space:
    """Take out the keys that are given; what stands below a given choice is varied all the same.

    >>> below = {"bce": {}, "focal": {"loss.gamma": Range(0.0, 5.0)}}
    >>> list(without({"loss": Choices(("bce", "focal"), below)}, {"loss": "focal"}))
    ['loss.gamma']
    """
    left: Space = {}
    for key, what in space.items():
        if isinstance(what, Choices):
            below = {value: without(part, given) for value, part in what.below.items()}
            if key in given:
                chosen = [part for value, part in below.items() if str(value) == given[key]]
                left |= chosen[0] if chosen else {}
            else:
                left[key] = Choices(what.values, below)
        elif key not in given:
            left[key] = what
    return left


def examples(space: Space) -> Iterator[dict[str, Scalar]]:
    """Return draws in which every key and every choice occurs, for checking them before they run.

    >>> [*examples({"a": Choices((1, 2), {}), "b": Range(0.5, 1.0)})]
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
