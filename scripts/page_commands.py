"""Commands on pages: do they exist, with their options and choices?"""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OPEN = re.compile(
    r"(hydra|hydra/launcher|search|augment|tracking\.tags|model|head|loss|sampler|optim|trainer)\b.*"
)


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the arguments of each command in the blocks of a page."""
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
    for line in text.splitlines():
        found = re.match(r"(?:    |\s*\$ )\s*(?:\$ )?imbclf-(\w+)(?![\w:])(.*)", line)
        if found:
            written = re.split(r"\s{2,}|\s#", found[2].strip())[0]
            yield found[1], shlex.split(written.replace("...", ""))


def keys(tree: Any, above: str = "") -> Iterator[str]:  # noqa: ANN401
    """Yield the dotted names of all options of a configuration."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield f"{above}{key}"
            yield from keys(value, f"{above}{key}.")


@cache
def options(command: str) -> set[str]:
    """Return the options of a command, with those of all choices of its groups."""
    files = [f"{command}.yaml", *(["train.yaml"] if command == "tune" else [])]
    found = {"resume"} if command == "train" else set()
    for file in files:
        found |= set(keys(yaml.safe_load((CONF / file).read_text(encoding="utf-8"))))
    for group in (path for path in CONF.iterdir() if path.is_dir()):
        for choice in group.glob("*.yaml"):
            above = "" if group.name == "decision" else f"{group.name}."
            found |= set(keys(yaml.safe_load(choice.read_text(encoding="utf-8")), above))
    return found


def problem(command: str, argument: str) -> str | None:
    """Return what is wrong with an argument, if anything.

    >>> problem("train", "loss=fokal")
    'loss has no choice fokal'
    """
    key, _, value = argument.lstrip("+~").partition("=")
    if (CONF / key).is_dir() and not key.startswith("hydra"):
        known = {path.stem for path in (CONF / key).glob("*.yaml")}
        chosen = [one for one in value.split(",") if re.fullmatch(r"[a-z_0-9]+", one)]
        return next((f"{key} has no choice {one}" for one in chosen if one not in known), None)
    if key in options(command) or OPEN.fullmatch(key):
        return None
    return f"imbclf-{command} has no option {key}"


def problems(page: Path) -> list[str]:
    """Return what is wrong with the commands of a page."""
    found = []
    for command, arguments in commands(page):
        if not (CONF / f"{command}.yaml").exists():
            found.append(f"there is no imbclf-{command}")
        elif "--config-dir" not in arguments:
            given = (one for one in arguments if "=" in one and not one.startswith("-"))
            found += [wrong for one in given if (wrong := problem(command, one))]
    return found
