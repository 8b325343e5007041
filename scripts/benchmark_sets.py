"""Run recipes on several real sets of images, with two seeds; write one table.

    python scripts/benchmark_sets.py SHARED OUT [--only tiny64 tiles] [--weights FILE] [--quick] \
        [--starts pretrained] [--seeds 0 1] [--also trainer.max_epochs=4]

SHARED holds the sets as folders: tiny64, malaria64, tiles and cracks16; elpv is the PyPI package
elpv-dataset. A set that is not there is skipped with a message, and so is a recipe that this
version does not have. Every recipe has the same epochs and folds, and is trained from scratch and,
with --weights (of a resnet18), pretrained; where libauc is installed, so is its trainer, on the
same images and folds (benchmark_peer.py). Every run is a command of its own below OUT/SET/START: a
second call runs what is missing, and resumes what was interrupted.

OUT/table.csv and OUT/table.md have a row for each set, start and recipe. The error is that of
images that took no part in training: all of them once, or those of a given test part. Seeds divide
the images anew; the paired test against the founding recipe accounts for both images and seeds.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark_methods import RUNNER, Method, choices, experiment, run_of, run_once
from imbclf.evaluation.comparison import rank
from imbclf.evaluation.finished_run import FinishedRun, read_run
from imbclf.evaluation.recipes import rank_recipes
from imbclf.metrics.intervals import hter_interval

EXPERIMENTS = ("resnet_weighted_bce_adam", "best", "probe")
PEER = "libauc"
LOSSES = ("bce", "weighted_bce", "focal", "ldam", "soft_hter", "pairwise_auc")
FOUNDING = EXPERIMENTS[0]
FROZEN = "probe"  # reads a network that is not trained: nothing from scratch
TEST_TABLE = "test.csv"
RATES = ("hter", "far", "frr", "auroc", "min_hter")


@dataclass(frozen=True)
class ImageSet:
    """A set of images.

    Attributes:
        folder: in SHARED, or the name of a Python package that holds the images.
        options: how imbclf-train reads it.
        pretrained: options for weights made with images of 64x64.
        explored: options of the exploration whose groups of look-alikes keep together in folds;
            None where images are independent, or are grouped by their table.
    """

    folder: str
    options: tuple[str, ...] = ()
    pretrained: tuple[str, ...] = ()
    explored: tuple[str, ...] | None = None

    def find(self, shared: Path) -> Path | None:
        """Return its folder, or None if it is not there."""
        if (shared / self.folder).is_dir():
            return shared / self.folder
        package = importlib.util.find_spec(self.folder) if self.folder.isidentifier() else None
        return Path(package.origin).parent / "data" if package and package.origin else None

    def read_as(self, images: Path, out: Path) -> tuple[str, ...]:
        """Return the options that read it; what they need of an exploration is written first."""
        if self.explored is None:
            return self.options
        explored = out / "explore"
        groups = explored / "groups.csv"
        if not groups.exists():
            options = (*self.explored, "write_groups=true", f"out={explored}")
            command = RUNNER.with_name("imbclf-explore")
            subprocess.run([command, images, *options], check=True, capture_output=True)
        return (*self.options, f"data.labels={groups}")


DEFECTS = ("MT_Blowhole", "MT_Break", "MT_Crack", "MT_Fray", "MT_Uneven")
PADDED = ("data.image_size=64", "data.fit=pad")
SETS = {
    "tiny64": ImageSet("tiny64"),
    "malaria64": ImageSet(
        "malaria64", ("data.label=parasitized", "data.group=patient_id", "data.image_size=64")
    ),
    "tiles": ImageSet(
        "tiles",
        (f"data.positive=[{'+'.join(DEFECTS)}]", *PADDED),
        explored=(f"data.positive=[{','.join(DEFECTS)}]", *PADDED),
    ),
    "cracks16": ImageSet("cracks16", ("data.test=[val]",), ("model.input_size=64",)),
    # A table without a header: names, then the probability of a defect; .5 and above are label 1.
    "elpv": ImageSet(
        "elpv_dataset",
        (
            *("data.labels=labels.csv", "data.file=0", "data.label=1", "data.image_size=64"),
            *(f"data.positive=[{2 / 3},1.0]", "data.group=none"),
        ),
    ),
}


def recipes() -> list[Method]:
    """Return what is compared, experiments that this version lacks left out with a word."""
    known = choices("experiment")
    for name in EXPERIMENTS:
        if name not in known:
            print(f"skipped: experiment={name}, which this version does not have")
    chosen = [Method(name, experiment(name)) for name in EXPERIMENTS if name in known]
    peers = [PEER] if importlib.util.find_spec(PEER) else []
    # A peer has its own loss, optimizer and batches; of a recipe it takes what is left.
    return [
        *chosen,
        *(Method(loss, (f"loss={loss}",)) for loss in LOSSES),
        *(Method(peer, ()) for peer in peers),
    ]


def train_peer(seed: int, folder: Path, common: Sequence[str]) -> None:
    """Train the peer once, unless it was; say in one line what came of it."""
    run = run_of(PEER, seed, folder)
    if not (run / "summary.json").exists():
        script, named = Path(__file__).with_name("benchmark_peer.py"), f"seed={seed}"
        command: list[str | Path] = [sys.executable, script, run, *common, named]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{PEER}, seed {seed}: failed\n{done.stderr[-2000:]}", file=sys.stderr)
            return
    hter = json.loads((run / "summary.json").read_text(encoding="utf-8"))["hter"]
    print(f"{PEER}, seed {seed}: HTER {hter:.4f}", flush=True)


def tested(folder: Path, name: str) -> FinishedRun:
    """Return a finished run with its results on the given test part, where there is one."""
    run = read_run(folder, name)
    if not (folder / TEST_TABLE).exists():
        return run
    table = pd.read_csv(folder / TEST_TABLE).set_index("file").assign(fold=0)  # judged at once
    return replace(run, summary={**run.summary, **run.summary["test"]}, oof=table)


def rows_of(folder: Path, methods: Sequence[Method], seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Return a row for each recipe with finished runs in a folder, lowest HTER first.

    Seeds test the same images, so the interval is that of one of them, around the mean rates.
    """
    runs = {
        method.name: [
            tested(place, f"{method.name} seed={seed}")
            for seed in seeds
            if ((place := run_of(method.name, seed, folder)) / "summary.json").exists()
        ]
        for method in methods
    }
    p_values = compared([run for own in runs.values() for run in own])
    rows = []
    for name, own in runs.items():
        if own:
            mean = {rate: float(np.mean([run.summary[rate] for run in own])) for rate in RATES}
            low, high = interval(own, mean)
            hters = [run.summary["hter"] for run in own]
            spread = float(np.ptp(hters)) if len(own) > 1 else np.nan
            seconds = float(np.mean([run.summary["seconds"] for run in own]))
            rows.append(
                {"recipe": name, **mean, "low": low, "high": high, "p": p_values.get(name)}
                | {"spread": spread, "seeds": len(own), "seconds": seconds}
            )
    return sorted(rows, key=lambda row: float(row["hter"]))


def interval(runs: Sequence[FinishedRun], mean: dict[str, float]) -> tuple[float, float]:
    """Return the interval of the mean HTER: of groups, as wide as that of the first run."""
    if "group" in runs[0].oof:
        low, high = map(float, runs[0].summary["hter_interval"])
        moved = mean["hter"] - float(runs[0].summary["hter"])
        return low + moved, high + moved
    zero, one = runs[0].summary["class_counts"]
    return hter_interval(mean["far"], mean["frr"], zero, one)


def compared(runs: Sequence[FinishedRun]) -> dict[str, float]:
    """Return p of each recipe against the founding one, adjusted for their number."""
    names = [run.name for run in runs if run.name.startswith(f"{FOUNDING} ")]
    if not names or len(runs) == len(names):
        return {}
    found = {one.recipe: one.p for one in rank_recipes(runs, names[0])}
    return found or {one.run.rsplit(" ", 1)[0]: one.p for one in rank(runs, names[0])}


def write_table(out: Path, rows: Sequence[dict[str, Any]]) -> str:
    """Write table.csv and table.md; return the latter."""
    pd.DataFrame(rows).to_csv(out / "table.csv", index=False)
    columns = "set | start | recipe | HTER | 95 % interval | between seeds | p | least HTER | AUROC"
    lines = [f"| {columns} | seconds |", "|---" * 10 + "|"]
    for row in rows:
        rates = f"{row['hter']:.4f} | {row['low']:.4f} to {row['high']:.4f}"
        p = "" if row["recipe"] == FOUNDING or row["p"] is None else f"{row['p']:.4f}"
        spread = "" if np.isnan(row["spread"]) else f"{row['spread']:.4f}"
        rest = f"{spread} | {p} | {row['min_hter']:.4f} | {row['auroc']:.4f} | {row['seconds']:.0f}"
        lines.append(f"| {row['set']} | {row['start']} | {row['recipe']} | {rates} | {rest} |")
    text = "\n".join(lines) + "\n"
    (out / "table.md").write_text(text, encoding="utf-8")
    return text


def main() -> None:
    """Run what is missing and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("shared", type=Path, help="folder of the sets")
    parser.add_argument("out", type=Path, help="folder of runs and the table")
    parser.add_argument("--only", nargs="+", choices=[*SETS], default=[*SETS], help="sets")
    parser.add_argument("--recipes", nargs="+", help="names of recipes; all without it")
    parser.add_argument("--weights", type=Path, help="file of a resnet18 to start from, besides")
    parser.add_argument(
        "--starts", nargs="+", default=["scratch", "pretrained"], help="one or both"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--quick", action="store_true", help="two epochs, one fold, one seed")
    parser.add_argument("--also", nargs="*", default=[], help="overrides for every run")
    options = parser.parse_args()
    seeds = options.seeds[:1] if options.quick else options.seeds
    length = ["trainer.max_epochs=2", "cv.fold=0"] if options.quick else ["trainer.max_epochs=8"]
    methods = [one for one in recipes() if one.name in (options.recipes or [one.name])]
    starts = {"scratch": None, **({"pretrained": options.weights} if options.weights else {})}
    starts = {start: starts[start] for start in options.starts if start in starts}
    os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count() or 1))
    rows = []
    for name in options.only:
        images = SETS[name].find(options.shared)
        if images is None:
            print(f"skipped: {name}, which is neither in {options.shared} nor installed")
            continue
        for start, weights in starts.items():
            folder = options.out / name / start
            common = ["data=folder", f"data.dir={images}", "cv.folds=2"]
            common += SETS[name].read_as(images, options.out / name)
            common += [f"model.weights={weights or 'null'}", *length]
            common += [*(SETS[name].pretrained if weights else ()), *options.also]
            train = partial(run_once, folder=folder, common=common)
            print(f"{name}, {start}", flush=True)
            usable = [one for one in methods if weights or one.name != FROZEN]
            for method, seed in ((method, seed) for seed in seeds for method in usable):
                if method.name == PEER:
                    train_peer(seed, folder, common)
                else:
                    train(method, seed)
            found = rows_of(folder, methods, seeds)
            rows += [{"set": name, "start": start, **row} for row in found]
    if not rows:
        sys.exit(f"no run has finished in {options.out}; what stopped them is printed above")
    print(write_table(options.out, rows))


if __name__ == "__main__":
    main()
