"""The configuration that a run left, for going on with it or judging it."""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.config.current_names import use_current_names
from imbclf.errors import UserError
from imbclf.utils.safe_reading import read_yaml, readable

INTERPOLATION = "${"
TORCH_CLASS = re.compile(
    r"loss\._target_=torch\.nn\.[A-Z]\w*Loss|optim\.optimizer\._target_=torch\.optim\.[A-Z]\w*"
)
DEMO = {
    "_target_": "imbclf.data.demo.write_demo",
    "_partial_": True,
}  # draws into data.dir, only
PLACES = ("data.cache_dir", "data.dir", "tracking.directory", "tracking.uri")


def stored_configuration(run: Path, others: Sequence[str]) -> DictConfig:
    """Read a run's configuration; what it would call is checked before anything is called.

    Args:
        run: the run directory.
        others: further arguments; only allowances, see `is_approval`.

    Raises:
        UserError: where there is nothing to go on with, or as `refuse_untrusted`.
    """
    if (run / "summary.json").exists():
        raise UserError(f"resume={run}: this run is finished")
    if (run / "multirun.yaml").exists():
        raise UserError(
            f"resume={run}: this is a sweep; give the command that started it, and resume={run}"
        )
    stray = [other for other in others if not is_approval(other)]
    if stray:
        raise UserError(f"resume goes on with the run as it was: {' '.join(stray)} has no place")
    cfg = load_configuration(run, "resume")
    _refuse_links(run)
    refuse_untrusted([cfg], run / "config.yaml", others, f"imbclf-train resume={run}")
    return cfg


def is_approval(argument: str) -> bool:
    """Return whether an argument repeats, and so allows, what a stored configuration names.

    >>> is_approval("loss._target_=mine.Loss"), is_approval("data.dir=x"), is_approval("seed=1")
    (True, True, False)
    """
    return "._target_=" in argument or argument.partition("=")[0] in PLACES


def refuse_untrusted(
    configurations: Iterable[DictConfig], source: Path, allowed: Sequence[str], command: str
) -> None:
    """Refuse to call what is not ours, and to write where nobody said so.

    Args:
        configurations: that a stranger may have written.
        source: where they lie.
        allowed: allowances, see `is_approval`.
        command: that takes them.

    Raises:
        UserError: names all that would have to be allowed.
    """
    calls: list[str] = []
    places: list[str] = []
    for cfg in configurations:
        calls += untrusted_calls(cfg, source)
        places += outside_places(cfg, source)
    told, refused = [], []
    for what, found in (
        ("names code that is not imbclf's, or not for that place", calls),
        ("has files written outside of the folder that you stand in", places),
    ):
        if left := [one for one in dict.fromkeys(found) if one not in allowed]:
            told.append(f"{what}: {', '.join(left)}")
            refused += left
    if refused:
        raise UserError(
            f"{source} {', and '.join(told)}. If that is as you want it, allow it: {command} "
            f"{shlex.join([*allowed, *refused])}"
        )


def untrusted_calls(cfg: DictConfig, source: Path) -> list[str]:
    """Return each `KEY._target_=NAME` that is not ours, or not for that place.

    Raises:
        UserError: arguments are written out that we never write.
    """
    ours, stored = set(_shipped_targets()), OmegaConf.to_container(cfg)
    drawn = [node for node in _nodes(stored) if node.get("_target_") == DEMO["_target_"]]
    if "'_args_'" in str(stored) or any(node != DEMO for node in drawn):
        raise UserError(f"{source}: arguments of calls that imbclf never writes")
    return [
        f"{key}={target}"
        for key, target in _targets(stored, "")
        if not ((key, target) in ours or TORCH_CLASS.fullmatch(f"{key}={target}"))
    ]


def _refuse_links(run: Path) -> None:
    links = [path for path in run.rglob("*") if path.is_symlink()]
    if leading := [link for link in links if not link.resolve().is_relative_to(run.resolve())]:
        raise UserError(f"resume={run}: {leading[0]} is a link that leads out of it; remove it")


def outside_places(cfg: DictConfig, source: Path) -> list[str]:
    """Return each `KEY=PLACE` that files are written to outside the working directory.

    Raises:
        UserError: a group with such keys is missing.
    """
    elsewhere = []
    for key in PLACES:
        group, _, name = key.partition(".")
        options = cfg.get(group)
        if not isinstance(options, DictConfig):
            raise UserError(f"{source}: {group} is missing")
        place = options.get(name)
        if place is None or (key == "data.dir" and options.get("make") is None):
            continue  # nothing is drawn into the data folder
        if key == "tracking.uri" and str(place).startswith(("http://", "https://", "databricks")):
            continue
        inside = "://" not in str(place) and Path(str(place)).resolve().is_relative_to(Path.cwd())
        if not inside:
            elsewhere.append(f"{key}={place}")
    return elsewhere


def finished_job(cfg: DictConfig, run: Path) -> float | None:
    """Return the HTER of a finished job; None if it is to be started or resumed.

    Args:
        cfg: what the job is composed to now.
        run: its run directory.

    Raises:
        UserError: the directory holds a run of another configuration.
    """
    if not (run / "config.yaml").exists():
        return None
    now = OmegaConf.create(OmegaConf.to_yaml(cfg, resolve=True))
    if load_configuration(run, "resume") != now:
        raise UserError(
            f"{run} holds a run of another configuration. Give the same command as before, or "
            "another folder"
        )
    if not (run / "summary.json").exists():
        return None
    print(f"finished before: {run}")
    from imbclf.evaluation.run_directory import read_summary

    return float(read_summary(run)["hter"])


def load_configuration(run: Path, option: str) -> DictConfig:
    """Read a run's configuration as plain values; nothing in it is resolved or called.

    Raises:
        UserError: there is none, or it is not what `imbclf-train` writes.
    """
    expected = "a run directory with a readable config.yaml"
    with readable(f"{option}={run}", expected, also=(OmegaConfBaseException,)):
        stored = read_yaml(run / "config.yaml")
        if INTERPOLATION in str(stored):  # ${oc.env:...} would be answered, and written down
            raise ValueError(f"{INTERPOLATION}...}}: values are expected, as they are")
        cfg = OmegaConf.load(run / "config.yaml")  # which takes 1e-3 for a number, unlike YAML
        assert isinstance(cfg, DictConfig)
        use_current_names(cfg)
    return cfg


def _shipped_targets() -> Iterator[tuple[str, str]]:
    """Return what our own YAML files call, and where; nothing else is for a file to call."""
    for path in conf_dir().rglob("*.yaml"):
        group = path.relative_to(conf_dir()).parent.as_posix()
        package = "" if group in (".", "experiment") else group
        yield from _targets(OmegaConf.to_container(OmegaConf.load(path)), package)


def _nodes(node: Any) -> Iterator[dict[Any, Any]]:  # noqa: ANN401
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(part)


def _targets(node: Any, path: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    if isinstance(node, dict):
        for key, value in node.items():
            name = f"{path}.{key}" if path else str(key)
            if key == "_target_":
                yield name, str(value)
            yield from _targets(value, name)
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _targets(value, f"{path}.{number}")
