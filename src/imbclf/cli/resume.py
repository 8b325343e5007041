"""The configuration that a run left, for going on with it or judging it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imbclf.cli.command import conf_dir
from imbclf.errors import UserError
from imbclf.untrusted import UNREADABLE, read_json, read_yaml

INTERPOLATION = "${"
TORCH_CLASS = re.compile(
    r"loss\._target_=torch\.nn\.[A-Z]\w*Loss|optim\.optimizer\._target_=torch\.optim\.[A-Z]\w*"
)
DEMO = {"_target_": "imbclf.demo.write_demo", "_partial_": True}  # draws into data.dir, only
PLACES = ("data.cache_dir", "data.dir", "tracking.directory", "tracking.uri")


def stored_configuration(run: Path, others: Sequence[str]) -> DictConfig:
    """Read a run's configuration; what it would call is checked before anything is called.

    Args:
        run: the run directory.
        others: further arguments; only `KEY._target_=NAME` and `KEY=PLACE`, which repeat and so
            allow a class of the user's own, or a place, that the configuration names.

    Raises:
        UserError: where there is nothing to go on with, or the configuration names a callable
            that is neither ours nor allowed, or has files written where nobody said so.
    """
    if (run / "summary.json").exists():
        raise UserError(f"resume={run}: this run is finished")
    if (run / "multirun.yaml").exists():
        raise UserError(
            f"resume={run}: this is a sweep; give the command that started it, and resume={run}"
        )
    stray = [
        other
        for other in others
        if "._target_=" not in other and other.partition("=")[0] not in PLACES
    ]
    if stray:
        raise UserError(f"resume goes on with the run as it was: {' '.join(stray)} has no place")
    cfg = read_configuration(run, "resume", others)
    _refuse_places(cfg, run, others)
    return cfg


def _refuse_places(cfg: DictConfig, run: Path, allowed: Sequence[str]) -> None:
    """Refuse to write outside of the run, below where the user stands, and where he says.

    Raises:
        UserError: the configuration, or a link in the run directory, leads elsewhere.
    """
    links = [path for path in run.rglob("*") if path.is_symlink()]
    if leading := [link for link in links if not link.resolve().is_relative_to(run.resolve())]:
        raise UserError(f"resume={run}: {leading[0]} is a link that leads out of it; remove it")
    elsewhere = []
    for key in PLACES:
        group, _, name = key.partition(".")
        options = cfg.get(group)
        if not isinstance(options, DictConfig):
            raise UserError(f"{run / 'config.yaml'}: {group} is missing")
        place = options.get(name)
        if place is None or (key == "data.dir" and options.get("make") is None):
            continue  # nothing is drawn into the data folder
        if key == "tracking.uri" and str(place).startswith(("http://", "https://", "databricks")):
            continue
        inside = "://" not in str(place) and Path(str(place)).resolve().is_relative_to(Path.cwd())
        if not inside and f"{key}={place}" not in allowed:
            elsewhere.append(f"{key}={place}")
    if elsewhere:
        raise UserError(
            f"{run / 'config.yaml'} has files written outside of the folder that you stand in: "
            f"{', '.join(elsewhere)}. If that is where they belong, allow it: imbclf-train "
            f"resume={run} {' '.join(elsewhere)}"
        )


def finished_job(cfg: DictConfig, run: Path) -> float | None:
    """Give the HTER of a job that was finished before; None if it is to be started or gone on with.

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
    summary = run / "summary.json"
    if not summary.exists():
        return None
    print(f"finished before: {run}")
    try:
        return float(read_json(summary)["hter"])
    except UNREADABLE as error:
        raise UserError(f"{summary}: not a readable summary ({error!r})") from error


def read_configuration(run: Path, option: str, allowed: Sequence[str] = ()) -> DictConfig:
    """Read a run's configuration; what it would call is checked before anything is called.

    Args:
        run: the run directory.
        option: what named it.
        allowed: `KEY._target_=NAME` of callables that are the user's own.

    Raises:
        UserError: there is none, or it names a callable that is neither ours nor allowed, or one
            of ours where it has no business.
    """
    cfg = load_configuration(run, option)
    ours, stored = set(_shipped_targets()), OmegaConf.to_container(cfg)
    drawn = [node for node in _nodes(stored) if node.get("_target_") == DEMO["_target_"]]
    if "'_args_'" in str(stored) or any(node != DEMO for node in drawn):
        raise UserError(f"{run / 'config.yaml'}: arguments of calls that imbclf never writes")
    refused = [
        f"{key}={target}"
        for key, target in _targets(stored, "")
        if not ((key, target) in ours or TORCH_CLASS.fullmatch(f"{key}={target}"))
        and f"{key}={target}" not in allowed
    ]
    if refused:
        raise UserError(
            f"{run / 'config.yaml'} names code that is not imbclf's, or not for that place: "
            f"{', '.join(refused)}. If it is yours, allow "
            f"it: imbclf-train {option}={run} {' '.join(refused)}"
        )
    return cfg


def load_configuration(run: Path, option: str) -> DictConfig:
    """Read a run's configuration as plain values; nothing in it is resolved or called.

    Raises:
        UserError: there is none, or it is not what `imbclf-train` writes.
    """
    try:
        stored = read_yaml(run / "config.yaml")
        if INTERPOLATION in str(stored):  # ${oc.env:...} would be answered, and written down
            raise ValueError(f"{INTERPOLATION}...}}: values are expected, as they are")
        cfg = OmegaConf.load(run / "config.yaml")  # which takes 1e-3 for a number, unlike YAML
        assert isinstance(cfg, DictConfig)
        return cfg
    except (*UNREADABLE, OmegaConfBaseException) as error:
        raise UserError(
            f"{option}={run}: expected a run directory with a readable config.yaml ({error})"
        ) from error


def _shipped_targets() -> Iterator[tuple[str, str]]:
    """Give what our own YAML files call, and where; nothing else is for a file to call."""
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
