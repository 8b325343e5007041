"""The pages on methods: every choice has a section, formulas and rows are those of the sources."""

import re
from pathlib import Path

import pytest

import draw_concepts
import draw_losses
import draw_methods

ROOT = Path(__file__).parents[2]
METHODS = ROOT / "docs" / "methods"
SOURCES = {
    "losses": ["losses"],
    "samplers": ["samplers"],
    "augmentation": ["augment"],
    "heads": ["models/heads"],
    "optimization": ["training"],
}
CHOICES = {"losses": "loss", "samplers": "sampler", "heads": "head", "optimization": "optim"}


def page(name: str) -> str:
    return (METHODS / f"{name}.md").read_text(encoding="utf-8")


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def formulas(text: str) -> list[str]:
    """Return the lines of the indented blocks that are no commands."""
    lines = re.findall(r"^    (\S.*)$", text, re.MULTILINE)
    return [line for line in lines if not line.startswith("imbclf-")]


@pytest.mark.parametrize(("name", "group"), CHOICES.items())
def test_every_choice_has_its_place(name: str, group: str) -> None:
    chosen = {file.stem for file in (ROOT / "conf" / group).glob("[a-z]*.yaml")}
    assert len(chosen) >= 4
    described = {*re.findall(r"^(?:### |\| `)(\w+)", page(name), re.MULTILINE)}
    assert chosen <= described


@pytest.mark.parametrize(("name", "packages"), SOURCES.items())
def test_formulas_are_those_of_the_docstrings(name: str, packages: list[str]) -> None:
    files = [file for one in packages for file in (ROOT / "src/imbclf" / one).glob("*.py")]
    source = one_line(" ".join(file.read_text(encoding="utf-8") for file in files)).lower()
    shown = formulas(page(name))
    assert len(shown) >= 2
    assert not [line for line in shown if one_line(line).lower() not in source]


@pytest.mark.parametrize("name", ["losses", "samplers", "heads", "optimization"])
def test_measured_rows_are_those_of_the_benchmarks(name: str) -> None:
    benchmarks = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    row = r"^\| ([\w+ ]+) \| (\.\d{4}) \|(?:[^|]*\|[^|]*\|)? (\.\d{4}) \|"
    measured = {key: rest for key, *rest in re.findall(row, benchmarks, re.MULTILINE)}
    shown = re.findall(row, page(name), re.MULTILINE)
    assert len(shown) >= 4
    assert not [key for key, *rest in shown if measured.get(key) != rest]


@pytest.mark.slow
@pytest.mark.parametrize("script", [draw_concepts, draw_losses, draw_methods])
def test_pictures_can_be_drawn_anew(script: object, tmp_path: Path) -> None:
    script.main([str(tmp_path)])  # type: ignore[attr-defined]
    drawn = {file.name for file in tmp_path.iterdir()}
    assert drawn
    kept = {file.name: file for file in (ROOT / "docs" / "images").iterdir()}
    assert drawn <= {*kept}
    pages = " ".join(file.read_text(encoding="utf-8") for file in (ROOT / "docs").rglob("*.md"))
    for name in drawn:
        assert f"images/{name})" in pages
        assert kept[name].stat().st_size < 200_000
