"""Draw values from a search space, or replay the values that a trial drew."""

from collections.abc import Mapping
from typing import Any, Protocol

from imbclf.errors import UserError
from imbclf.tuning.search_space import Choices, Scalar, Space


class Suggest(Protocol):
    """The interface of Optuna's trials."""

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float:
        """Draw a number."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        """Draw a whole number."""

    def suggest_categorical(self, name: str, choices: tuple[Scalar, ...]) -> Scalar:
        """Draw one of some values."""


def draw(space: Space, suggest: Suggest, under: str = "") -> dict[str, Scalar]:
    """Draw a value for each key; for keys below a choice only if it is chosen.

    Numbers are rounded to four digits, to be readable. The name of a parameter below a choice
    includes the choice, so that each name has one range: `loss.gamma (focal)`.
    """
    drawn: dict[str, Scalar] = {}
    for key, part in space.items():
        name = key + under
        if isinstance(part, Choices):
            value = suggest.suggest_categorical(name, part.values)
            drawn[key] = value
            if part.below.get(value):
                drawn |= draw(part.below[value], suggest, f"{under} ({value})")
        elif isinstance(part.low, int) and isinstance(part.high, int):
            step = int(part.step or 1)
            drawn[key] = suggest.suggest_int(name, part.low, part.high, step=step, log=part.log)
        else:
            number = suggest.suggest_float(name, part.low, part.high, step=part.step, log=part.log)
            drawn[key] = float(f"{number:.4g}")
    return drawn


class Replay:
    """Return the values that a trial drew, from a storage, in place of random ones.

    Args:
        params: the drawn values, by name.

    Raises:
        UserError: on drawing, a value is missing or out of its range.

    >>> from imbclf.tuning.search_space import Range
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
            raise self._out_of_range(name, value)
        return float(value)

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:
        """Return the whole number."""
        return round(self.suggest_float(name, low, high, step=step, log=log))

    def suggest_categorical(self, name: str, choices: tuple[Scalar, ...]) -> Scalar:
        """Return the choice."""
        value = self.params.get(name)
        if value not in choices:
            raise self._out_of_range(name, value)
        return choices[choices.index(value)]

    def _out_of_range(self, name: str, value: object) -> UserError:
        return UserError(f"the study holds {name}={value}, which this search would never draw")
