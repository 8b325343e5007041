"""Remake what README.md shows: the output of the demo, shortened, and the badges.

    scripts/make_readme            # trains on the drawn faces, some two minutes
    scripts/make_readme --check    # commands and options exist, the page is short; trains nothing

The block begins with the line `    $ imbclf-train ...`, which is the command that is run. Numbers
are those of the machine; only `--check` runs in continuous integration.
"""

import re
import shlex
import subprocess
import sys
from collections.abc import Sequence

from badges import stale_badges
from page_commands import ROOT, problems

README = ROOT / "README.md"
BLOCK = re.compile(r"^    \$ (imbclf-train .*)\n(?:(?:    .*)?\n)*(?=\S)", re.MULTILINE)
FIRST = ("demo ", "images ", "labels ")
RUN = "outputs/train/demo"
MOST_LINES = 150


def shorten(printed: str) -> list[str]:
    r"""Return the first lines of a training's output, dots, and all from the table of folds on.

    >>> shorten("images   2: 1, 1\nrun      /x\n\n  fold  epoch\n     0      1\n")
    ['images   2: 1, 1', '...', '  fold  epoch', '     0      1']
    """
    lines = printed.rstrip().splitlines()
    table = next(number for number, line in enumerate(lines) if line.startswith("  fold  epoch"))
    return [*(line for line in lines[:table] if line.startswith(FIRST)), "...", *lines[table:]]


def block(command: str, printed: str) -> str:
    """Return the indented block of a command and its output, with the blank line after it."""
    lines = [f"$ {command}", *shorten(printed.replace(f"{ROOT}/", ""))]
    return "".join(f"    {line}".rstrip() + "\n" for line in lines) + "\n"


def mistakes(text: str) -> list[str]:
    """Return what is wrong with the page, as far as it can be said without training."""
    found = problems(README)
    if len(BLOCK.findall(text)) != 1:
        found.append("expected one block that begins with '    $ imbclf-train'")
    found += [f"docs/images/{file.name} is not up to date: remake it" for file in stale_badges()]
    if (length := len(text.splitlines())) > MOST_LINES:
        found.append(f"{length} lines, expected {MOST_LINES} at most")
    return found


def main(arguments: Sequence[str]) -> int:
    """Check or remake the page; return the exit code."""
    text = README.read_text(encoding="utf-8")
    if "--check" not in arguments:
        for file, content in stale_badges().items():
            file.write_text(content, encoding="utf-8")
    if wrong := mistakes(text):
        print(*(f"README.md: {one}" for one in wrong), sep="\n", file=sys.stderr)
        return 1
    if "--check" in arguments:
        return 0
    (command,) = BLOCK.findall(text)
    program, *options = shlex.split(command)
    code = f"from imbclf.cli.{program.removeprefix('imbclf-')} import main; main()"
    call = [sys.executable, "-c", code, *options, f"hydra.run.dir={RUN}"]
    printed = subprocess.run(call, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    README.write_text(BLOCK.sub(lambda _: block(command, printed), text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
