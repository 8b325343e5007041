"""Measure how fast imbclf trains and predicts, beside bare arithmetic and the usual loop.

    python scripts/bench.py DATA [--model resnet18 mobilenet_v3_small] [--batch 256]
        [--images 12000] [--size 224] [--epochs 3] [--repeats 5] [--precision auto]
        [--also optim=sgd]
    python scripts/bench.py DATA --predict      prediction over a folder
    python scripts/bench.py DATA --folds        all folds against one
    python scripts/bench.py DATA --forms        bare training in each precision and memory format
    python scripts/bench.py --start 10000 100000        from launch to first step, and memory
    python scripts/bench.py --commands          what --help and a typing mistake cost
    python scripts/bench.py --growth 10000 100000 1000000

All loops run on the same images, model and batch size, one after the other in each repetition,
and DATA is any folder that `imbclf-train data=folder` takes whose images have one size, or are
resized to one (`--size`). Nothing is written beside them. `--device cuda` is written and has not
been run.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from imbclf.cli.app.memory import keep_freed_memory
from imbclf.errors import UserError
from imbclf.prediction.scoring import pick_device
from speed.bare import setting
from speed.commands import measure_commands
from speed.folds import measure_folds
from speed.growth import measure_growth
from speed.pictures import link_pictures
from speed.prediction import measure_prediction
from speed.start import measure_start
from speed.table import Table, machine
from speed.training import measure_forms, measure_training


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path, nargs="?", help="folder of labeled images of one size")
    parser.add_argument("--model", nargs="+", default=["resnet18"])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--images", type=int, default=None, help="the first so many; all")
    parser.add_argument("--size", type=int, default=None, help="side to resize to; as they are")
    parser.add_argument("--epochs", type=int, default=3, help="of imbclf; the first is not counted")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--precision", default="auto", help="of bare and imbclf, as Lightning's")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--also", nargs="*", default=[], help="overrides for imbclf-train")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--predict", action="store_true", help="prediction in place of training")
    what.add_argument("--forms", action="store_true", help="precisions and memory formats")
    what.add_argument("--commands", action="store_true", help="start of the commands")
    what.add_argument("--folds", action="store_true", help="all folds against one")
    what.add_argument("--start", type=int, nargs="+", help="numbers of images to synthesise")
    what.add_argument("--growth", type=int, nargs="+", help="numbers of images to synthesise")
    parser.add_argument("--work", type=Path, default=None, help="where temporary files go")
    parser.add_argument("--out", type=Path, default=None, help="Markdown file to write")
    return parser


def tables(options: argparse.Namespace, device: torch.device, cwd: Path) -> Iterator[Table]:
    """Measure what was asked for, a table at a time."""
    if options.commands:
        yield measure_commands(options.repeats, cwd)
        return
    if options.growth:
        yield measure_growth(options.growth, cwd)
        return
    if options.start:
        for model in options.model:
            yield measure_start(model, options.batch, options.start, options.repeats, cwd)
        return
    settings = [setting(model, options.batch, options.precision, device) for model in options.model]
    pictures = link_pictures(
        options.data, options.images, cwd / "pictures", cwd / "outputs" / "cache", options.size
    )
    for one in settings:
        if options.forms:
            yield measure_forms(one, pictures.shape, options.repeats)
        elif options.predict:
            yield measure_prediction(one, pictures, options.repeats, cwd)
        else:
            measure = measure_folds if options.folds else measure_training
            yield measure(one, pictures, options.epochs, options.repeats, cwd, options.also)


def main() -> None:
    """Measure, print, and write what was printed."""
    parser = arguments()
    options = parser.parse_args()
    if options.data is None and not (options.commands or options.growth or options.start):
        parser.error("DATA: expected a folder of labeled images")
    if options.epochs < 2 or options.repeats < 1:
        parser.error("expected --epochs 2 or more, since the first is not counted, and --repeats 1")
    keep_freed_memory()  # for bare, as the commands do for themselves
    try:
        device = pick_device(options.device)
        written = [machine(device)]
        print(written[0], flush=True)
        if options.work is not None:
            options.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=options.work) as folder:
            for table in tables(options, device, Path(folder).resolve()):
                written.append(table.markdown())
                print(written[-1], flush=True)
    except UserError as error:
        sys.exit(f"bench.py: error: {error}")
    if options.out is not None:
        options.out.write_text("\n".join(written), encoding="utf-8")


if __name__ == "__main__":
    main()
