"""What the commands cost before they do anything."""

from pathlib import Path
from typing import Any

from speed.processes import imbclf, run
from speed.table import Table, spread

MISTAKE = 2
TAB = "imbclf-train model="  # completed as the shell does when the tab key is pressed
COMMANDS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("train", ("--help",), 0),
    ("train", ("--cfg", "job"), 0),
    ("train", ("optim.lrr=1",), MISTAKE),
    ("train", ("-sc", "query=bash"), 0),
    ("predict", ("--help",), 0),
    ("compare", ("--help",), 0),
)


def measure_commands(repeats: int, cwd: Path) -> Table:
    """Measure the processor seconds, user and system, of each command, in turn."""
    finished: list[list[Any]] = [[] for _ in COMMANDS]
    for _ in range(repeats):
        for own, (command, arguments, code) in zip(finished, COMMANDS, strict=True):
            typed = {"COMP_LINE": TAB, "COMP_POINT": str(len(TAB))}
            own.append(run([imbclf(command), *arguments], cwd, code, typed))
    table = Table("Commands", ("", "CPU seconds", "wall seconds", "MB"))
    for own, (command, arguments, _) in zip(finished, COMMANDS, strict=True):
        cpu, wall = spread([one.cpu for one in own]), spread([one.wall for one in own])
        memory = spread([one.resident / 1e6 for one in own])
        name = f"`imbclf-{command} {' '.join(arguments)}`"
        table.rows.append((name, str(cpu), str(wall), str(memory)))
    table.notes.append(f"{repeats} repetitions in turn; median (least to most)")
    return table
