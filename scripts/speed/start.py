"""From the launch of `imbclf-train` to its first step, on a warm cache; and the memory it holds."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from speed.growth import make_folder
from speed.processes import run
from speed.table import Table, spread

STEPS = 20  # of the one epoch: memory has settled by then
# What a fold imports sooner or later, so that none of it is counted as start-up.
IMPORTS = (
    "imbclf.cli.train",
    "imbclf.cli.config.build",
    "imbclf.tracking.mlflow_tracker",
    "imbclf.reporting.run_report",
    "mlflow.store.tracking.sqlalchemy_store",
)


def measure_start(model: str, batch: int, counts: list[int], repeats: int, cwd: Path) -> Table:
    """Measure `repeats` launches for each number of images, synthesised and in the cache."""
    table = Table(
        f"Start of imbclf-train, {model}, batch {batch}",
        ("images", "imports, s", "from there to the first step, s", "MB without mapped files"),
    )
    here = str(Path(__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {here!r}); from speed.start import main; main()"
    for count in counts:
        folder = cwd / f"start_{count}"
        if not folder.exists():  # another model may have been measured on it
            make_folder(folder, count)
        options = [
            f"model={model}",
            "model.weights=null",
            "data=folder",
            f"data.dir={folder}",
            f"data.cache_dir={folder / 'cache'}",
            f"data.batch_size={batch}",
            "trainer.max_epochs=1",
            f"trainer.limit_train_batches={STEPS}",
            "cv.fold=0",
        ]
        imports, steps, held = [], [], []
        for repeat in range(repeats + 1):
            into = f"hydra.run.dir={cwd / f'start_{count}_{model}_{repeat}'}"
            finished = run([sys.executable, "-c", code, *options, into], cwd)
            if repeat == 0:
                continue  # makes MLflow's store
            seconds = _answer_in(finished.output)
            imports.append(seconds["imports"])
            steps.append(seconds["step"])
            held.append(finished.own / 1e6)
        cells = (str(spread(column)) for column in (imports, steps, held))
        table.rows.append((f"{count:,}", *cells))
    table.notes.append(
        f"{repeats} launches; median (least to most). Memory of a fold of {STEPS} steps, whose dev "
        "and test parts are scored whole."
    )
    return table


def _answer_in(output: str) -> dict[str, float]:
    """Return what `main` printed, between the messages of the training."""
    (line,) = [line for line in output.splitlines() if line.startswith("{")]
    answer: dict[str, float] = json.loads(line)
    return answer


def main() -> None:
    """Run `imbclf-train` with the command line's arguments; print when its first step began."""
    began = time.perf_counter()
    for module in IMPORTS:
        __import__(module)
    imported = time.perf_counter()

    from imbclf.cli import train
    from imbclf.training.lightning_module import BinaryClassifier

    step = BinaryClassifier.training_step

    def first(self: BinaryClassifier, *arguments: Any) -> Any:  # noqa: ANN401
        seconds = {"imports": imported - began, "step": time.perf_counter() - imported}
        print(json.dumps(seconds), flush=True)
        BinaryClassifier.training_step = step  # type: ignore[method-assign]
        return step(self, *arguments)

    BinaryClassifier.training_step = first  # type: ignore[method-assign, assignment]
    train.main()
