"""Badges of the README as SVG files, from pyproject.toml: they need no network and no service."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
WIDTH = 6.6  # of a letter, in pixels


def badge(name: str, value: str) -> str:
    """Return an SVG of a name on gray and a value on blue.

    >>> badge("license", "MIT").count("<text")
    2
    """
    left, right = (round(len(text) * WIDTH) + 14 for text in (name, value))
    style = 'font-family="DejaVu Sans,Verdana,sans-serif" font-size="11" fill="#fff"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{name}: {value}">\n'
        f'<rect width="{left}" height="20" fill="#555"/>\n'
        f'<rect x="{left}" width="{right}" height="20" fill="#0072B2"/>\n'
        f'<text x="7" y="14" {style}>{name}</text>\n'
        f'<text x="{left + 7}" y="14" {style}>{value}</text>\n'
        "</svg>\n"
    )


def stale_badges() -> dict[Path, str]:
    """Return the files that are missing or out of date, and what has to stand in each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pythons = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    values = {
        "version": project["version"],
        "python": f"{pythons[0]} to {pythons[-1]}",
        "license": project["license"],
        "types": "mypy strict",
    }
    files = {IMAGES / f"badge-{name}.svg": badge(name, value) for name, value in values.items()}
    return {
        file: content
        for file, content in files.items()
        if not file.exists() or file.read_text(encoding="utf-8") != content
    }
