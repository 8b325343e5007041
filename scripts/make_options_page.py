"""Write docs/options.md: the help of every command, from the comments of the YAML files.

    python scripts/make_options_page.py [--check]

With `--check` nothing is written; the exit code says whether the page is up to date.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "options.md"
COMMANDS = (
    *("train", "predict", "explore", "evaluate", "compare"),
    *("report", "tune", "export", "distill", "register", "gather"),
)
HEAD = """# Options

What `--help` prints, for every command. `imbclf-train --help loss=focal` is about one choice.
"""


def help_of(command: str) -> str:
    """Return what a command prints with `--help`."""
    name = f"imbclf-{command}"
    code = (
        f"import sys; sys.argv = ['{name}', '--help']; import imbclf.cli.{command} as c; c.main()"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=True,
    )
    return printed.stdout.strip()


def page() -> str:
    """Return the page."""
    parts = [f"\n## imbclf-{one}\n\n```text\n{help_of(one)}\n```\n" for one in COMMANDS]
    return HEAD + "".join(parts)


def main(arguments: Sequence[str]) -> int:
    """Write or check the page; return the exit code."""
    made = page()
    if "--check" in arguments:
        return int(PAGE.read_text(encoding="utf-8") != made)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
