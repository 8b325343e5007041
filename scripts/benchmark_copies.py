"""How many planted copies `imbclf-explore` finds, and which other pairs it lists.

    python scripts/benchmark_copies.py FOLDER [--copies 400] [--likeness 0.85] [--others 24]

Of a folder of images, copies are made by turns: another brightness, 5 % and 10 % of the side cut
off, JPEG of quality 50. Found: the share of the copies paired with their original. Other pairs
are those between two images of the folder: true repeats or mistakes, which only an eye can tell
apart; some are written to others.png, the least alike first.

Measured, 400 copies (solar cells: elpv-dataset, 2,624 cells; photographs: 12,000 of Tiny ImageNet):

| set | brightness | crop 5 % | crop 10 % | JPEG 50 | other pairs | largest group |
|---|---|---|---|---|---|---|
| solar cells | .97 | .99 | .96 | 1.00 | 613 | 76 |
| photographs | 1.00 | 1.00 | .99 | 1.00 | 1 | 2 |

The other pairs of solar cells are mostly wafers cut side by side from one block, with the same
grains, or one cell photographed twice.
"""

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from imbclf.data.exploration.duplicates import duplicate_groups, find_duplicates, first_copies
from imbclf.data.exploration.gray_images import gray_images
from imbclf.data.exploration.near_duplicates import LIKENESS
from imbclf.data.listing import list_images

SIDE = 64  # what imbclf-explore resizes large images to
Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    """Return an image as JPEG keeps it."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def brighter(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return an image of another brightness."""
    factor = float(random.choice([0.7, 0.85, 1.15, 1.3]))
    return recompressed(ImageEnhance.Brightness(image).enhance(factor), 90)


def cropped(image: Image.Image, random: np.random.Generator, share: float) -> Image.Image:
    """Return an image without a share of its height and width, enlarged again."""
    width, height = image.size
    left, top = random.uniform(0, share * width), random.uniform(0, share * height)
    box = (left, top, left + (1 - share) * width, top + (1 - share) * height)
    return recompressed(image.resize(image.size, Image.Resampling.BICUBIC, box=box), 90)


CHANGES: dict[str, Change] = {
    "brightness": brighter,
    "crop 5 %": lambda image, random: cropped(image, random, 0.05),
    "crop 10 %": lambda image, random: cropped(image, random, 0.10),
    "JPEG 50": lambda image, _: recompressed(image, 50),
}


class Outcome(NamedTuple):
    """Share of copies found by kind, pairs among the originals `[P, 2]`, and the largest group."""

    found: dict[str, float]
    others: NDArray[np.int64]
    largest: int


def measure(paths: Sequence[Path], copies: int, likeness: float, seed: int = 0) -> Outcome:
    """Plant copies among images and return which pairs are found."""
    random = np.random.default_rng(seed)
    images = [small(read(path)) for path in paths]
    kinds = [list(CHANGES)[number % len(CHANGES)] for number in range(copies)]
    chosen = random.choice(len(paths), copies, replace=False)
    made = [
        small(CHANGES[kind](read(paths[row]), random))
        for kind, row in zip(kinds, chosen, strict=True)
    ]
    pixels = np.stack([*images, *made])
    pairs = find_duplicates(first_copies(pixels), gray_images(pixels), likeness=likeness)
    listed = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    hits = [(int(row), len(paths) + number) in listed for number, row in enumerate(chosen)]
    found = {
        kind: float(np.mean([hit for hit, one in zip(hits, kinds, strict=True) if one == kind]))
        for kind in CHANGES
    }
    inside = pairs.take(pairs.second < len(paths))
    order = np.argsort(inside.similarity, kind="stable")
    others = np.stack([inside.first, inside.second], axis=1)[order]
    return Outcome(found, others, int(np.bincount(duplicate_groups(len(pixels), pairs)).max()))


def read(path: Path) -> Image.Image:
    """Read an image."""
    with Image.open(path) as image:
        return image.convert("RGB")


def small(image: Image.Image) -> NDArray[np.uint8]:
    """Return an image as `imbclf-explore` looks at it."""
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0))


def draw(paths: Sequence[Path], pairs: NDArray[np.int64], file: Path, side: int = 200) -> None:
    """Draw pairs side by side, four in a row."""
    sheet = Image.new("RGB", (4 * (2 * side + 16), -(-len(pairs) // 4) * (side + 8)), "white")
    for number, pair in enumerate(pairs.tolist()):
        for place, row in enumerate(pair):
            left = number % 4 * (2 * side + 16) + place * side
            sheet.paste(read(paths[row]).resize((side, side)), (left, number // 4 * (side + 8)))
    sheet.save(file)


def main(arguments: Sequence[str]) -> None:
    """Run the benchmark and print a row of its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--copies", type=int, default=400)
    parser.add_argument("--likeness", type=float, default=LIKENESS)
    parser.add_argument("--others", type=int, default=24, help="pairs drawn in others.png")
    options = parser.parse_args(arguments)
    paths = [options.folder / file for file in list_images(options.folder).files.tolist()]
    outcome = measure(paths, options.copies, options.likeness)
    shares = " | ".join(f"{kind}: {share:.2f}" for kind, share in outcome.found.items())
    print(f"{shares} | other pairs: {len(outcome.others):,} | largest: {outcome.largest:,}")
    if len(outcome.others) and options.others:
        draw(paths, outcome.others[: options.others], Path("others.png"))
        print("drawn in others.png")


if __name__ == "__main__":
    main(sys.argv[1:])
