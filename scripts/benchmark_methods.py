"""Run every loss with two samplers, and every experiment, on a folder of images; write a table.

    python scripts/benchmark_methods.py DATA OUT [--seeds 0 1] [--only focal best] \
        [--also cv.fold=0 trainer.max_epochs=4] [--weights FILE] [--jobs 2]

Every run is an `imbclf-train` of its own in OUT/<name>/seed<n>, so that the table can be made
again from what lies there. A second call runs what is missing, and resumes what was interrupted.
OUT/table.md and OUT/table.csv hold the results, one row a method, its seeds pooled.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from omegaconf import OmegaConf

from imbclf.cli.config.conf_dir import conf_dir
from imbclf.metrics.error_rates import binary_report
from imbclf.metrics.intervals import hter_interval

# What cannot run by itself: a loss of torch.nn wants a name, and SVDD its own head.
NEEDS_MORE = {"loss": ("torch", "svdd")}
# What goes on from the folds of another method's run of the same seed.
STARTS_FROM = {"crt": "bce + shuffle"}
RUNNER = Path(sys.executable).with_name("imbclf-train")


@dataclass(frozen=True)
class Method:
    """What is compared: a name and the overrides that make it."""

    name: str
    overrides: tuple[str, ...]


def choices(group: str) -> list[str]:
    """Return the choices of a configuration group, in order."""
    names = sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))
    known = NEEDS_MORE.get(group, ())
    return [name for name in names if not name.startswith("_") and name not in known]


def methods() -> list[Method]:
    """Return every loss with sampler shuffle and with balanced, and every experiment."""
    composed = [
        Method(f"{loss} + {sampler}", (f"loss={loss}", f"sampler={sampler}"))
        for loss in choices("loss")
        for sampler in ("shuffle", "balanced")
    ]
    return composed + [Method(name, experiment(name)) for name in choices("experiment")]


def experiment(name: str) -> tuple[str, ...]:
    """Return the overrides of an experiment; one without training ignores --also."""
    stored = OmegaConf.load(conf_dir() / "experiment" / f"{name}.yaml")
    untrained = OmegaConf.select(stored, "trainer.max_epochs") == 0
    return (f"experiment={name}", *(["trainer.max_epochs=0"] if untrained else []))


def run_once(method: Method, seed: int, folder: Path, common: Sequence[str]) -> None:
    """Train a method once, unless it was; say in one line what came of it."""
    run = run_of(method.name, seed, folder)
    if not (run / "summary.json").exists():
        new = [*common, *method.overrides, f"seed={seed}", f"hydra.run.dir={run}", "tracking=none"]
        if method.name in STARTS_FROM:
            new.append(f"cv.start_from={run_of(STARTS_FROM[method.name], seed, folder)}")
        arguments = [f"resume={run}"] if (run / "config.yaml").exists() else new
        done = subprocess.run([RUNNER, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{method.name}, seed {seed}: failed\n{done.stderr[-2000:]}", file=sys.stderr)
            return
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    # One write, since another thread may print at the same time.
    sys.stdout.write(f"{method.name}, seed {seed}: HTER {summary['hter']:.4f}\n")
    sys.stdout.flush()


def run_of(name: str, seed: int, folder: Path) -> Path:
    """Return the run directory of a method and a seed."""
    return folder / name.replace(" + ", "+") / f"seed{seed}"


def row_of(method: Method, folder: Path) -> dict[str, Any] | None:
    """Return a method's row of the table: the decisions of its seeds pooled.

    The interval is that of one seed's number of images, since other seeds test the same ones.
    """
    runs = sorted((folder / method.name.replace(" + ", "+")).glob("seed*/summary.json"))
    summaries = [json.loads(path.read_text(encoding="utf-8")) for path in runs]
    if not summaries:
        return None
    tables = [pd.read_csv(path.with_name("oof.csv")) for path in runs]
    reports = [binary_report(t["score"], t["label"], 0.0) for t in tables]
    mean = {name: float(np.mean([r[name] for r in reports])) for name in reports[0]}
    zero, one = summaries[0]["class_counts"]
    low, high = hter_interval(mean["far"], mean["frr"], zero, one)
    return {
        "method": method.name,
        "HTER": mean["hter"],
        "low": low,
        "high": high,
        "min HTER": mean["min_hter"],
        "AUROC": mean["auroc"],
        "seconds": float(np.mean([summary["seconds"] for summary in summaries])),
        "seeds": len(summaries),
    }


def write_tables(folder: Path) -> str:
    """Write table.csv and table.md of what lies in `folder`, best first; return the latter."""
    rows = [row for method in methods() if (row := row_of(method, folder)) is not None]
    if not rows:
        sys.exit(f"no run has finished in {folder}; what stopped them is printed above")
    rows.sort(key=lambda row: float(row["HTER"]))
    pd.DataFrame(rows).to_csv(folder / "table.csv", index=False)
    lines = ["| method | HTER | 95 % interval | min HTER | AUROC | seconds | seeds |"]
    lines.append("|---|---|---|---|---|---|---|")
    for row in rows:
        rates = f"{row['HTER']:.4f} | {row['low']:.4f} to {row['high']:.4f} | {row['min HTER']:.4f}"
        rest = f"{row['AUROC']:.4f} | {row['seconds']:.0f} | {row['seeds']}"
        lines.append(f"| {row['method']} | {rates} | {rest} |")
    text = "\n".join(lines) + "\n"
    (folder / "table.md").write_text(text, encoding="utf-8")
    return text


def main() -> None:
    """Run what is missing and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, help="folder of labeled images")
    parser.add_argument("out", type=Path, help="folder of runs and tables")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", default=None, help="names of methods; parts suffice")
    parser.add_argument("--weights", default="null", help="file to start from; null: from scratch")
    parser.add_argument("--also", nargs="*", default=[], help="overrides for every run")
    parser.add_argument("--jobs", type=int, default=1, help="runs side by side")
    options = parser.parse_args()
    chosen = [
        method
        for method in methods()
        if options.only is None or any(part in method.name for part in options.only)
    ]
    if not chosen:
        parser.error(f"--only {options.only}: no method has such a name")
    common = ["data=folder", f"data.dir={options.data}", f"model.weights={options.weights}"]
    common += options.also
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, {len(chosen)} methods", flush=True)
    # The runs inherit it: two that each want all cores wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // options.jobs)))
    # Those last that go on from others.
    chosen.sort(key=lambda method: method.name in STARTS_FROM)
    for seed in options.seeds:
        with ThreadPoolExecutor(options.jobs) as pool:
            for method in chosen:
                pool.submit(run_once, method, seed, options.out, common)
    print(write_tables(options.out))


if __name__ == "__main__":
    main()
