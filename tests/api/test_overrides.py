"""Options of a Python call are read by Hydra as they were meant."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, strategies as st

from imbclf.cli.api.overrides import as_arguments

WORDS = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), min_size=1)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)


def read(option: str, value: object) -> object:
    """Return what Hydra makes of an option."""
    (argument,) = as_arguments({option: value})
    return OverridesParser.create().parse_override(argument).value()


@given(PLAIN)
def test_plain_values_arrive(value: object) -> None:
    assert read("optim.lr", value) == value


@given(st.lists(PLAIN, max_size=4))
def test_lists_arrive(values: list[object]) -> None:
    assert read("model.mean", values) == values


@given(st.sampled_from(["my photos", "a,b", "x=1", "it's", "C:\\data", "[1]", "2026_11_27", "né"]))
def test_paths_arrive(path: str) -> None:
    assert read("data.dir", path) == path


@pytest.mark.parametrize("key", ["good", "very good", "a,b", "a:b", "{x}"])
def test_label_maps_arrive(key: str) -> None:
    (argument,) = as_arguments({"data": {"label_map": {key: 1, "bad": 0}}})
    assert argument.startswith("++data.label_map=")
    value = OverridesParser.create().parse_override(argument).value()
    assert isinstance(value, dict)
    assert {str(name): label for name, label in value.items()} == {key: 1, "bad": 0}
