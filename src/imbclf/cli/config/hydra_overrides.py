"""Command-line arguments in the form that Hydra's parser accepts."""

import re

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

from imbclf.cli.config.conf_dir import conf_dir

# Options that hold paths and names: always strings, also where Hydra would read a number.
STRINGS = {
    *("data.dir", "data.images", "data.labels", "data.cache_dir", "data.strip", "data.suffix"),
    *("model.weights", "cv.start_from"),
    *("run", "reference", "test_dir", "out", "name", "alias"),
    *("tracking.uri", "tracking.experiment", "tracking.directory", "tracking.run_name"),
    *("tune.name", "tune.directory", "tune.storage"),
    *("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.job.name"),
}


def flags_first(arguments: list[str]) -> list[str]:
    """Move overrides behind flags: Hydra accepts none that stand on both sides of `-m`.

    >>> flags_first(["seed=1", "-m", "optim=adam,sgd"])
    ['-m', 'seed=1', 'optim=adam,sgd']
    """

    def is_override(argument: str) -> bool:
        return "=" in argument and not argument.startswith("-")

    return sorted(arguments, key=is_override)


def to_hydra_override(argument: str) -> str:
    """Make Hydra accept any dotted key; `check` rejects unknown ones and suggests the nearest.

    Without this Hydra refuses `trainer.gradient_clip_val=1` until the user writes a `+` before it.
    A value outside Hydra's grammar, such as a path with a bracket, is quoted; so is a path or name
    that Hydra would read as a number.

    >>> [to_hydra_override(one) for one in ("optim.lr=0.1", "optim=sgd", "--help")]
    ['++optim.lr=0.1', 'optim=sgd', '--help']
    >>> to_hydra_override("hydra.run.dir=x"), to_hydra_override("data.dir=faces (1)/day=2")
    ('hydra.run.dir=x', "++data.dir='faces (1)/day=2'")
    >>> to_hydra_override("out=2026_11_27"), to_hydra_override("+run=[one,1e3]")
    ("++out='2026_11_27'", "+run=[one,'1e3']")
    """
    key, equals, value = argument.partition("=")
    name = key.lstrip("+")
    if not equals or key.startswith(("-", "~")):
        return argument
    is_group = "/" in name or (conf_dir() / name).is_dir()
    if is_group:
        return argument
    sign = key.removesuffix(name) or ("" if name.startswith("hydra.") else "++")
    return f"{sign}{name}={_quote_if_needed(name, value)}"


def quoted(text: str) -> str:
    r"""Quote a string for Hydra, in which a backslash escapes only a quote.

    >>> print(quoted(r"a\b"), quoted("it's"))
    'a\b' 'it\'s'
    """
    return str(QuotedString(text, Quote.single).with_quotes())


def _quote_if_needed(name: str, value: str) -> str:
    if name in STRINGS and value.startswith("\\\\"):  # a share of Windows
        return quoted(value)
    try:
        OverridesParser.create().parse_override(f"{name}={value}")
    except HydraException:
        return quoted(value)
    if name not in STRINGS or set(value) & set("\\'\"(){}"):
        return value
    return re.sub(r"[^,\[\]]+", lambda found: _quote_number(found[0]), value)


def _quote_number(element: str) -> str:
    """Quote what Hydra would read as a number or boolean: it takes 2026_11_27 for 20261127."""
    read = OverridesParser.create().parse_override(f"x={element}").value()
    return quoted(element.strip()) if isinstance(read, int | float) else element
