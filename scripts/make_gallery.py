"""Remake the pages and pictures of docs/gallery.md: what the commands write, from drawn faces.

    python scripts/make_gallery.py [--work FOLDER]

Runs explore, train (twice), compare, tune and predict, some ten minutes on two cores, and copies
their pages into docs/gallery. Chromium, where it is installed, photographs them. With `--work` the
runs are kept in a folder, and what is already there is not run again.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from imbclf.data.demo import write_demo

ROOT = Path(__file__).parents[1]
GALLERY, IMAGES = ROOT / "docs" / "gallery", ROOT / "docs" / "images"
DATA = "faces model.weights=null data.image_size=48 data.batch_size=32 tracking=none"
TRAIN = f"train {DATA} cv.folds=2 cv.fold=0 trainer.max_epochs=5"
TUNE = f"tune {DATA} cv.folds=2 trainer.max_epochs=2 tune.trials=3 tune.startup=2"
COMMANDS = {  # the page that a command writes, and the command
    "explore/explore.html": "explore faces out=explore",
    "weighted/report.html": f"{TRAIN} loss=weighted_bce hydra.run.dir=weighted",
    "focal/report.html": f"{TRAIN} loss=focal sampler=balanced hydra.run.dir=focal",
    "compare/comparison.html": "compare weighted focal out=compare",
    "tune/study/tune.html": f"{TUNE} tune.directory=tune tune.name=study",
    "predict/predictions.html": "predict focal faces/val_img html=true explain=true out=predict",
}
SHOWN = {
    "explore": "explore/explore.html",
    "report": "focal/report.html",
    "comparison": "compare/comparison.html",
    "tuning": "tune/study/tune.html",
    "predictions": "predict/predictions.html",
}
CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--window-size=1200,900"),
)


def run_commands(work: Path) -> None:
    """Run the commands in a folder, those whose page is there already left out."""
    write_demo(work / "faces", images=1000, unlabeled=40)
    for page, command in COMMANDS.items():
        if (work / page).exists():
            continue
        name, *arguments = command.split()
        code = f"from imbclf.cli.{name} import main; main()"
        print(f"imbclf-{command}", flush=True)
        subprocess.run([sys.executable, "-c", code, *arguments], cwd=work, check=True)


def copy_page(page: Path, work: Path, target: Path) -> None:
    """Copy a page, without the folder of this machine that it was made in."""
    text = page.read_text(encoding="utf-8")
    target.write_text(text.replace(f"{work}{os.sep}", ""), encoding="utf-8")


def photograph(browser: str, page: Path, target: Path) -> None:
    """Write a picture of the first screen of a page, with 64 colors."""
    with tempfile.TemporaryDirectory() as profile:
        picture = Path(profile) / "picture.png"
        options = [f"--user-data-dir={profile}", f"--screenshot={picture}"]
        subprocess.run(
            [browser, *CHROMIUM, *options, page.as_uri()], check=True, stderr=subprocess.DEVNULL
        )
        with Image.open(picture) as whole:
            whole.convert("RGB").quantize(64).save(target, optimize=True)


def main(arguments: Sequence[str]) -> None:
    """Make the gallery."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, help="folder of the runs; default: a temporary one")
    given = parser.parse_args(arguments).work
    with tempfile.TemporaryDirectory() as temporary:
        work = (given or Path(temporary)).resolve()
        run_commands(work)
        GALLERY.mkdir(exist_ok=True)
        for name, page in SHOWN.items():
            copy_page(work / page, work, GALLERY / f"{name}.html")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("no chromium: the pictures are left as they were")
        return
    for name in SHOWN:
        photograph(browser, GALLERY / f"{name}.html", IMAGES / f"gallery-{name}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
