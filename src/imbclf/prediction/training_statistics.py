"""What a run's images and its out-of-fold scores looked like, kept beside the predictor.

New images are held against it (`imbclf.prediction.drift`). It is `predictor/reference.json`: a few
thousand numbers, no image and no name of a file.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.data.decoding import Header
from imbclf.data.image_headers import read_headers
from imbclf.data.listing import Listing
from imbclf.errors import UserError
from imbclf.utils.files import write_text
from imbclf.utils.safe_reading import UNREADABLE, read_json

REFERENCE = "reference.json"
FORMAT = 1
HEADERS, COLORED = 2_000, 20_000  # images that are looked at, at most
LEVELS = 201  # quantiles, the least and the largest value among them
COLORS = tuple(
    f"{what} of {color}" for what in ("mean", "deviation") for color in ("red", "green", "blue")
)
BLOCK = 64  # images at once
MOST_KINDS = 1000  # formats and modes; Pillow knows some dozens


@dataclass(frozen=True, eq=False)
class TrainingStatistics:
    """What new images are held against.

    Attributes:
        headers: number of files whose headers were read.
        height, width: the least and the largest, in pixels.
        kinds: number of files by format and mode, as in `JPEG RGB`.
        colored: number of images whose colors were measured.
        colors: float64 `[LEVELS, 6]`, quantiles over images of mean and deviation of red, green
            and blue, in 0..1.
        scored: number of out-of-fold logits by the name of the model (`fold_0`).
        logits: float64 `[LEVELS]` by the name of the model, their quantiles.
    """

    headers: int
    height: tuple[int, int]
    width: tuple[int, int]
    kinds: Mapping[str, int]
    colored: int
    colors: NDArray[np.float64]
    scored: Mapping[str, int]
    logits: Mapping[str, NDArray[np.float64]]


def kind(header: Header) -> str:
    """Return what a file is.

    >>> kind(Header("JPEG", "RGB", 64, 64))
    'JPEG RGB'
    """
    return f"{header.format} {header.mode}"


def measure_colors(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return mean and deviation of red, green and blue in each of the images `[N, H, W, 3]`.

    Returns:
        float64 `[N, 6]`, in 0..1.

    >>> measure_colors(np.full((1, 4, 4, 3), 51, dtype=np.uint8)).round(6).tolist()
    [[0.2, 0.2, 0.2, 0.0, 0.0, 0.0]]
    """
    count = pixels.shape[1] * pixels.shape[2]
    found = np.empty((len(pixels), 6))
    for start in range(0, len(pixels), BLOCK):
        block = pixels[start : start + BLOCK]
        total, squares = _sum(block), _sum(np.square(block, dtype=np.uint16))
        mean = total / count
        # Whole numbers up to here: an image of one color deviates by 0.
        variance = (squares - total * mean) / count
        found[start : start + BLOCK, :3] = mean / 255
        found[start : start + BLOCK, 3:] = np.sqrt(np.maximum(variance, 0)) / 255
    return found


def _sum(block: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
    """Sum `[B, H, W, 3]` over height and width; over long rows first, many times as fast."""
    images, height, width, channels = block.shape
    rows = block.reshape(images, height, width * channels).sum(axis=1, dtype=np.uint32)
    sums: NDArray[np.int64] = rows.reshape(images, width, channels).sum(axis=1, dtype=np.int64)
    return sums


def write_training_statistics(
    folder: Path,
    listing: Listing,
    pixels: NDArray[np.uint8],
    logits: Mapping[str, NDArray[np.float64]],
) -> None:
    """Write `reference.json` into a predictor's folder; scores of other models in it are kept.

    Args:
        folder: the predictor.
        listing: the images.
        pixels: uint8 `[N, H, W, 3]`, theirs.
        logits: `[n]` of images that the model did not see, by its name.
    """
    some = listing.take(evenly(len(listing), HEADERS))
    headers = [header for header in read_headers(some) if header is not None]
    seen = pixels[evenly(len(pixels), COLORED)]
    earlier = read_training_statistics(folder)
    levels = np.linspace(0, 1, LEVELS)
    scores: dict[str, dict[str, Any]] = {}
    if earlier is not None:
        scores = {
            name: {"images": count, "quantiles": earlier.logits[name].tolist()}
            for name, count in earlier.scored.items()
        }
    for name, values in logits.items():
        scores[name] = {"images": len(values), "quantiles": np.quantile(values, levels).tolist()}
    heights, widths = [one.height for one in headers] or [0], [one.width for one in headers] or [0]
    stored = {
        "format": FORMAT,
        "headers": len(headers),
        "height": [min(heights), max(heights)],
        "width": [min(widths), max(widths)],
        "kinds": dict(Counter(map(kind, headers)).most_common()),
        "colored": len(seen),
        "colors": np.quantile(measure_colors(seen), levels, axis=0).round(6).tolist(),
        "scores": dict(sorted(scores.items())),
    }
    write_text(folder / REFERENCE, json.dumps(stored) + "\n")


def read_training_statistics(folder: Path) -> TrainingStatistics | None:
    """Read `reference.json` of a predictor; None where there is none, as in earlier runs.

    Raises:
        UserError: it is damaged.
    """
    path = folder / REFERENCE
    if not path.exists():
        return None
    try:
        stored = read_json(path)
        if stored["format"] != FORMAT:
            raise ValueError(f"format {stored['format']}, expected {FORMAT}")
        scores = dict(stored["scores"])
        kinds = {str(name): _count(number) for name, number in stored["kinds"].items()}
        if len(kinds) > MOST_KINDS:
            raise ValueError("more kinds of file than there are")
        return TrainingStatistics(
            headers=_count(stored["headers"]),
            height=_range(stored["height"]),
            width=_range(stored["width"]),
            kinds=kinds,
            colored=_count(stored["colored"]),
            colors=_quantiles(stored["colors"], (LEVELS, len(COLORS))),
            scored={name: _count(one["images"]) for name, one in scores.items()},
            logits={name: _quantiles(one["quantiles"], (LEVELS,)) for name, one in scores.items()},
        )
    except UNREADABLE as error:
        raise UserError(
            f"{path}: not a readable reference ({error!r}). Remove it, and images are labeled "
            "without being held against those of the training"
        ) from error


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """Choose places among `count`, `most` at most, at even distances.

    >>> evenly(10, 4).tolist(), evenly(3, 4).tolist()
    ([0, 2, 5, 7], [0, 1, 2])
    """
    chosen = min(count, most)
    return np.arange(chosen, dtype=np.int64) * count // max(chosen, 1)


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise ValueError("a count is none")
    return value


def _range(values: Sequence[object]) -> tuple[int, int]:
    low, high = map(_count, values)
    return low, high


def _quantiles(values: object, shape: tuple[int, ...]) -> NDArray[np.float64]:
    numbers = np.array(values, dtype=np.float64)
    if (
        numbers.shape != shape
        or not np.isfinite(numbers).all()
        or (np.diff(numbers, axis=0) < 0).any()
    ):
        raise ValueError("quantiles: expected finite numbers that do not fall")
    return numbers
