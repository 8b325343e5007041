"""Commands on the pages name options and choices that exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OPEN = re.compile(
    r"(hydra|hydra/launcher|search|augment|tracking\.tags|model|head|loss|sampler|optim|trainer)\b.*"
)


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the arguments of each command in the blocks of a page."""
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
    for line in text.splitlines():
        found = re.match(r"(?:    |\s*\$ )\s*(?:\$ )?imbclf-(\w+)(.*)", line)
        if found:
            written = re.split(r"\s{2,}|\s#", found[2].strip())[0]
            yield found[1], shlex.split(written.replace("...", ""))


def keys(tree: Any, above: str = "") -> Iterator[str]:  # noqa: ANN401
    """Yield the dotted names of all options of a configuration."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield f"{above}{key}"
            yield from keys(value, f"{above}{key}.")


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
    """Return what is wrong with an argument, if anything."""
    key, _, value = argument.lstrip("+~").partition("=")
    if (CONF / key).is_dir() and not key.startswith("hydra"):
        known = {path.stem for path in (CONF / key).glob("*.yaml")}
        chosen = [one for one in value.split(",") if re.fullmatch(r"[a-z_0-9]+", one)]
        return next((f"{key} has no choice {one}" for one in chosen if one not in known), None)
    if key in options(command) or OPEN.fullmatch(key):
        return None
    return f"imbclf-{command} has no option {key}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_a_page_exist(page: Path) -> None:
    wrong = [
        found
        for command, arguments in commands(page)
        for argument in arguments
        if "=" in argument and not argument.startswith("-") and "--config-dir" not in arguments
        if (found := problem(command, argument))
    ]
    assert not wrong


def test_the_check_finds_mistakes() -> None:
    assert problem("train", "loss=fokal") == "loss has no choice fokal"
    assert problem("train", "cv.fold_s=3") == "imbclf-train has no option cv.fold_s"
    assert problem("predict", "tta=flip") is None
    readme = [*commands(ROOT / "README.md")]
    assert ("train", ["PATH", "experiment=best"]) in readme
    assert len([one for page in PAGES for one in commands(page)]) > 60
