"""`~` in options that hold paths: a shell expands it only at the start of a word."""

import re
from collections.abc import Callable, Iterable
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig

# Options that hold paths, or addresses that may be paths.
PATHS = {
    *("data.dir", "data.images", "data.labels", "data.cache_dir", "model.weights", "cv.start_from"),
    *("run", "reference", "test_dir", "out", "resume", "experiment"),
    *("tracking.uri", "tracking.directory", "tune.directory", "tune.storage"),
    *("hydra.run.dir", "hydra.sweep.dir", "--config-dir", "--config-path"),
}
LISTS = {"run", "experiment"}  # that may be several
# Options whose paths are relative to the working directory, whether or not there is something.
ANCHORED = {
    *("data.dir", "data.cache_dir", "cv.start_from", "test_dir", "out"),
    *("tracking.directory", "tune.directory"),
}
# At the start of the value, or of an element of a list or sweep; also in quotes.
HOME = re.compile(r"(?P<before>(?:^|[,\[])\s*['\"]?(?:sqlite:///)?)~(?=/|['\"]?(?:[,\]]|$))")


def expand_home(argument: str) -> str:
    """Return an argument with the home folder in the place of `~`, where it holds paths.

    >>> expand_home("data.dir=~/faces") == f"data.dir={Path.home()}/faces"
    True
    >>> expand_home("++run=['~/a',b~/c]") == f"++run=['{Path.home()}/a',b~/c]"
    True
    >>> expand_home("name=~/faces"), expand_home("data.dir=~backup")
    ('name=~/faces', 'data.dir=~backup')
    """
    key, equals, value = argument.partition("=")
    return f"{key}{equals}{_expanded(value)}" if key.lstrip("+") in PATHS else argument


def with_home(path: str | PathLike[str]) -> str:
    """Return a path or an address, with the home folder in the place of a leading `~`.

    >>> with_home("~/faces") == f"{Path.home()}/faces", with_home("runs:/0")
    (True, 'runs:/0')
    """
    text = fspath(path)
    return f"{Path.home()}{text[1:]}" if text == "~" or text.startswith("~/") else text


def expand_home_in(cfg: DictConfig) -> None:
    """Expand `~`, in place, in the options of a configuration that hold paths: YAML has them too.

    >>> cfg = DictConfig({"data": {"dir": "~/faces"}, "name": "~/faces"})
    >>> expand_home_in(cfg)
    >>> cfg.data.dir == f"{Path.home()}/faces", cfg.name
    (True, '~/faces')
    """
    _change(cfg, PATHS, _expanded)


def anchor_paths(cfg: DictConfig, start: Path) -> None:
    """Make paths absolute, in place: Hydra has left `start`, which they are relative to.

    >>> cfg = DictConfig({"data": {"dir": "faces"}, "run": "runs:/0"})
    >>> anchor_paths(cfg, Path("/home/ann"))
    >>> cfg.data.dir, cfg.run
    ('/home/ann/faces', 'runs:/0')
    """
    _change(cfg, ANCHORED, lambda text: str(start / text))
    exists = lambda text: str(start / text) if (start / text).exists() else text  # noqa: E731
    _change(cfg, {"run", "reference", "model.weights"}, exists)


def _change(cfg: DictConfig, keys: Iterable[str], change: Callable[[str], str]) -> None:
    """Change the values of options, and the elements of those that are lists."""
    for key in keys:
        node: Any = cfg
        *parents, name = key.split(".")
        for parent in parents:
            node = node._get_node(parent, False) if isinstance(node, DictConfig) else None
        held = node._get_node(name, False) if isinstance(node, DictConfig) else None
        if isinstance(held, ListConfig):
            for place in range(len(held)):
                _change_one(held, place, change)
        elif held is not None:
            _change_one(node, name, change)


def _change_one(
    node: DictConfig | ListConfig,
    name: Any,  # noqa: ANN401
    change: Callable[[str], str],
) -> None:
    text = node._get_node(name)._value()  # type: ignore[union-attr]  # an interpolation stays
    if isinstance(text, str) and (path := change(text)) != text:
        node[name] = path


def _expanded(text: str) -> str:
    return HOME.sub(lambda found: f"{found['before']}{Path.home()}", text)
