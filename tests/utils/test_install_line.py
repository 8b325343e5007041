"""The line that installs an extra, for real installations of this package."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import pytest

from imbclf.utils.install_line import install_line

ROOT = Path(__file__).parents[2]


@pytest.fixture
def installed(tmp_path: Path) -> Callable[..., str]:
    """Return the line that an installation with these records prints, found before any other."""

    def installed(origin: object, installer: str = "pip\n") -> str:
        record = tmp_path / "imbclf-0.1.0.dist-info"
        record.mkdir(exist_ok=True)
        (record / "METADATA").write_text("Metadata-Version: 2.1\nName: imbclf\nVersion: 0.1.0\n")
        (record / "INSTALLER").write_text(installer)
        (record / "direct_url.json").unlink(missing_ok=True)
        if origin is not None:
            (record / "direct_url.json").write_text(json.dumps(origin))
        code = (
            f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT / 'src')!r}]\n"
            "from imbclf.utils.install_line import install_line; print(install_line('tune'))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    return installed


def test_the_line_follows_the_records(installed: Callable[..., str], tmp_path: Path) -> None:
    assert installed(None) == 'pip install "imbclf[tune]"'
    assert installed(None, "uv") == 'uv pip install "imbclf[tune]"'
    folder = tmp_path / "my checkout"
    editable = {"url": folder.as_uri(), "dir_info": {"editable": True}}
    assert installed(editable) == f'pip install --editable "{folder}[tune]"'
    assert installed({"url": folder.as_uri(), "dir_info": {}}) == f'pip install "{folder}[tune]"'
    assert installed("no record") == 'pip install "imbclf[tune]"'


def test_the_line_is_accepted_by_pip() -> None:
    """What is in quotes is parsed as pip does; this installation is the example."""
    quoted = re.findall(r'"(.*)"', install_line("tune"))
    assert len(quoted) == 1
    record = json.loads(distribution("imbclf").read_text("direct_url.json") or "{}")
    if "dir_info" in record:
        folder = Path(quoted[0].removesuffix("[tune]"))
        assert (folder / "pyproject.toml").exists()
    else:
        assert quoted[0].startswith("imbclf[tune]")


def test_the_oldest_versions_are_those_that_are_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "constraints-oldest.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    least = {}
    for requirement in project["dependencies"]:
        found = re.match(r"([\w-]+)>=([\d.]+)", requirement)
        assert found is not None, requirement
        least[found[1]] = found[2]
    assert pinned.keys() == least.keys()
    for name, version in pinned.items():
        assert re.fullmatch(rf"{re.escape(least[name])}(\.0)*", version), name
