"""Training: bare steps, `imbclf-train` as users run it, and the loop that people write."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch

from imbclf.tracking.mlflow_store import embedded_uri

# isort: split
# After the store, which sets what MLflow reads when it is imported.
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun

from speed.bare import Bare, Setting
from speed.pictures import FOLDS, Pictures
from speed.processes import Finished, imbclf, in_own_process, run
from speed.table import Table, compare, compared, spread
from speed.typical import typical_epoch

EPOCH = "imbclf"
BARE, TYPICAL = "bare", "typical"


@dataclass(frozen=True)
class Run:
    """What a run of `imbclf-train` left.

    Attributes:
        folder: the run directory.
        process: its process.
        epochs: seconds of each epoch after the first.
        start: seconds from the launch to the start of the fold, imports and all.
    """

    folder: Path
    process: Finished
    epochs: list[float]
    start: float


def train_one(
    setting: Setting, pictures: Pictures, epochs: int, folder: Path, cwd: Path, also: Sequence[str]
) -> Run:
    """Train one fold as `train` does; return what it left."""
    process = train(setting, pictures, epochs, folder, cwd, ["cv.fold=0", *also])
    began, ends = fold_times(cwd / "outputs" / "mlflow", folder)
    return Run(folder, process, durations(ends), began - process.started)


def train(
    setting: Setting, pictures: Pictures, epochs: int, folder: Path, cwd: Path, also: Sequence[str]
) -> Finished:
    """Run `imbclf-train`, in a process of its own, into `folder` below `cwd`."""
    options = [
        f"model={setting.model}",
        "model.weights=null",
        "data=folder",
        f"data.dir={pictures.root}",
        f"data.batch_size={setting.batch}",
        f"trainer.max_epochs={epochs}",
        f"trainer.precision={setting.precision}",
        f"trainer.accelerator={'gpu' if setting.device.type == 'cuda' else 'cpu'}",
        f"cv.folds={FOLDS}",
        f"hydra.run.dir={folder}",
        *([f"data.image_size={pictures.shape[0]}"] if pictures.is_resized else []),
        *also,
    ]
    return run([imbclf("train"), *options], cwd)


def folds_of(client: MlflowClient, folder: Path) -> list[MlflowRun]:
    """Return MLflow's runs of the folds of the run directory `folder`."""
    run_id = (folder / "tracking_run").read_text()
    experiments = [client.get_run(run_id).info.experiment_id]
    return list(client.search_runs(experiments, f"tags.`mlflow.parentRunId` = '{run_id}'"))


def fold_times(store: Path, folder: Path) -> tuple[float, list[float]]:
    """Read when the only fold of a run began and when each of its epochs was recorded.

    MLflow keeps both in milliseconds, so that nothing has to be added to training for its
    measurement.
    """
    client = MlflowClient(embedded_uri(store))
    (fold,) = folds_of(client, folder)
    recorded = client.get_metric_history(fold.info.run_id, "train/loss")
    ends = [metric.timestamp / 1000 for metric in sorted(recorded, key=lambda one: one.step)]
    return fold.info.start_time / 1000, ends


def span_of_folds(store: Path, folder: Path) -> float:
    """Return the seconds from the start of a run's first fold to the end of its last."""
    folds = folds_of(MlflowClient(embedded_uri(store)), folder)
    began, ended = (
        min(one.info.start_time for one in folds),
        max(one.info.end_time for one in folds),
    )
    return float(ended - began) / 1000


def durations(ends: Sequence[float]) -> list[float]:
    """Return the seconds between one epoch's record and the next: all that an epoch costs.

    Steps, dev scores, metrics, checkpoints and tracking; the first epoch, which warms up, is not
    among them.

    >>> durations([10.0, 12.0, 15.0])
    [2.0, 3.0]
    """
    return [later - earlier for earlier, later in pairwise(ends)]


def measure_training(
    setting: Setting,
    pictures: Pictures,
    epochs: int,
    repeats: int,
    cwd: Path,
    also: Sequence[str],
) -> Table:
    """Measure bare, imbclf and typical one after the other, `repeats` times."""
    fit, dev = len(pictures.fold.fit), len(pictures.fold.dev)
    seconds: dict[str, list[float]] = {BARE: [], EPOCH: [], TYPICAL: []}
    alone, runs = [], []
    for repeat in range(repeats):
        bare = Bare(setting, pictures.shape)
        alone.append(bare.train(fit))
        seconds[BARE].append(alone[-1] + bare.score(dev, 2 * setting.batch))
        del bare
        folder = cwd / f"{setting.model}_{repeat}"
        runs.append(train_one(setting, pictures, epochs, folder, cwd, also))
        seconds[EPOCH].append(median(runs[-1].epochs))
        seconds[TYPICAL].append(in_own_process(typical_epoch, setting, pictures))
    title = f"Training {setting.model}, batch {setting.batch}, {setting.precision}"
    table = Table(title, compared((BARE, TYPICAL)))
    compare(table, seconds, fit, (BARE, TYPICAL))
    strict = spread([own / took for own, took in zip(alone, seconds[EPOCH], strict=True)])
    own = [one.process for one in runs]
    table.notes += [
        f"{repeats} repetitions in turn; median (least to most). An epoch trains on {fit:,} images "
        f"of {pictures.shape[0]}x{pictures.shape[1]} and scores {dev:,} (dev), in all three loops; "
        "typical is float32, with a worker a core, in a process like any other.",
        f"imbclf / bare that only trains and scores nothing: {strict}",
        f"imbclf, whole process of {epochs} epochs: {spread([one.wall for one in own])} s wall; "
        f"from launch to the fold's start: {spread([one.start for one in runs])} s",
        f"imbclf, peak memory: {spread([one.own / 1e6 for one in own])} MB without mapped files, "
        f"{spread([one.resident / 1e6 for one in own])} MB with them",
    ]
    return table


def measure_forms(setting: Setting, shape: tuple[int, int], repeats: int) -> Table:
    """Measure bare training steps in each precision and memory format, in turn."""
    forms = [(precision, last) for precision in ("32-true", "bf16-mixed") for last in (True, False)]
    names = [f"{name}, {'channels last' if last else 'contiguous'}" for name, last in forms]
    last = Bare(setting, shape).images.is_contiguous(memory_format=torch.channels_last)
    chosen = names[forms.index((str(setting.precision), last))]
    images = 4 * setting.batch
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(repeats):
        for name, (precision, channels_last) in zip(names, forms, strict=True):
            varied = Setting(setting.model, setting.batch, precision, setting.device)
            seconds[name].append(Bare(varied, shape, channels_last).train(images))
    table = Table(
        f"Bare training steps of {setting.model}, batch {setting.batch}", compared((chosen,))
    )
    compare(table, seconds, images, (chosen,))
    table.notes.append(
        f"{repeats} repetitions in turn; median (least to most). imbclf chooses {chosen}."
    )
    return table
