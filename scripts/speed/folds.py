"""Five folds against one: what is shared is done once."""

from collections.abc import Sequence
from pathlib import Path

from speed.bare import Setting
from speed.pictures import FOLDS, Pictures
from speed.processes import Finished
from speed.table import Table, ratios, spread
from speed.training import span_of_folds, train


def measure_folds(
    setting: Setting,
    pictures: Pictures,
    epochs: int,
    repeats: int,
    cwd: Path,
    also: Sequence[str],
) -> Table:
    """Measure a run of one fold and one of all, `repeats` times in turn."""
    names = ("one fold", f"{FOLDS} folds")
    processes: list[list[Finished]] = [[], []]
    spans: list[list[float]] = [[], []]
    for repeat in range(repeats):
        for number, fold in enumerate(("cv.fold=0", "cv.fold=null")):
            folder = cwd / f"folds_{setting.model}_{repeat}_{number}"
            process = train(setting, pictures, epochs, folder, cwd, [*also, fold])
            processes[number].append(process)
            spans[number].append(span_of_folds(cwd / "outputs" / "mlflow", folder))
    columns = ("", "first fold's start to last one's end, s", "whole process, s", "MB")
    table = Table(f"Folds, {setting.model}, batch {setting.batch}, {epochs} epochs", columns)
    for name, own, times in zip(names, processes, spans, strict=True):
        wall, memory = spread([one.wall for one in own]), spread([one.own / 1e6 for one in own])
        table.rows.append((name, str(spread(times)), str(wall), str(memory)))
    single, every = ([one.wall for one in own] for own in processes)
    table.notes.append(
        f"{repeats} repetitions in turn; median (least to most). {FOLDS} folds / one fold: "
        f"{spread(ratios(spans[1], spans[0]))} from start to end of the folds, "
        f"{spread(ratios(every, single))} for whole processes."
    )
    return table
