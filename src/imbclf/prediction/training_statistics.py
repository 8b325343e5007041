"""Training statistics: the distributions of a run's images and out-of-fold scores.

`imbclf.prediction.drift` compares new images with them. They are kept in `predictor/reference.json`
as a few thousand numbers, without any image or file name.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field as field_of
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.data.decoding import Header
from imbclf.data.image_headers import read_headers
from imbclf.data.listing import Listing
from imbclf.utils.files import write_text
from imbclf.utils.safe_reading import read_json, readable
from imbclf.utils.schema import count, field, list_of, mapping, mapping_of, one_of

STATISTICS = "reference.json"
FORMAT = 1
FORMERLY = {"coloured": "colored", "colours": "colors"}  # keys of version 0.1
MAX_HEADERS, MAX_COLORED = 2_000, 20_000  # images that are measured, at most
LEVELS = 201  # quantiles, minimum and maximum included
COLORS = tuple(
    f"{what} of {color}" for what in ("mean", "deviation") for color in ("red", "green", "blue")
)
BLOCK = 64  # images at once
MAX_KINDS = 1000  # combinations of format and mode; Pillow knows some dozens


@dataclass(frozen=True, eq=False)
class LabelScores:
    """The out-of-fold logits of one fold model by label.

    Attributes:
        images: of label 0 and label 1.
        quantiles: float64 `[2, LEVELS]`, of label 0 and label 1.
    """

    images: tuple[int, int]
    quantiles: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainingStatistics:
    """What new images are compared with.

    Attributes:
        headers: number of files whose headers were read.
        height, width: minimum and maximum, in pixels.
        kinds: number of files by format and mode, as in `JPEG RGB`.
        colored: number of images whose colors were measured.
        colors: float64 `[LEVELS, 6]`, quantiles over images of mean and deviation of red, green
            and blue, in 0..1.
        scored: number of out-of-fold logits by fold model (`fold_0`).
        logits: float64 `[LEVELS]` by fold model, the quantiles of those logits.
        by_label: the same by label, of the fold models of which it is known.
    """

    headers: int
    height: tuple[int, int]
    width: tuple[int, int]
    kinds: Mapping[str, int]
    colored: int
    colors: NDArray[np.float64]
    scored: Mapping[str, int]
    logits: Mapping[str, NDArray[np.float64]]
    by_label: Mapping[str, LabelScores] = field_of(default_factory=dict)


def file_kind(header: Header) -> str:
    """Return format and mode of an image file.

    >>> file_kind(Header("JPEG", "RGB", 64, 64))
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
    area = pixels.shape[1] * pixels.shape[2]
    found = np.empty((len(pixels), 6))
    for start in range(0, len(pixels), BLOCK):
        block = pixels[start : start + BLOCK]
        total, squares = _sum(block), _sum(np.square(block, dtype=np.uint16))
        mean = total / area
        # Integers up to here: an image of one color has deviation 0, exactly.
        variance = (squares - total * mean) / area
        found[start : start + BLOCK, :3] = mean / 255
        found[start : start + BLOCK, 3:] = np.sqrt(np.maximum(variance, 0)) / 255
    return found


def _sum(block: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
    """Sum `[B, H, W, 3]` over height and width; long rows first, which is many times faster."""
    images, height, width, channels = block.shape
    rows = block.reshape(images, height, width * channels).sum(axis=1, dtype=np.uint32)
    sums: NDArray[np.int64] = rows.reshape(images, width, channels).sum(axis=1, dtype=np.int64)
    return sums


def write_training_statistics(
    folder: Path,
    listing: Listing,
    pixels: NDArray[np.uint8],
    logits: Mapping[str, NDArray[np.float64]],
    labels: Mapping[str, NDArray[np.int64]] | None = None,
) -> None:
    """Write `reference.json` into a predictor's folder; scores of other fold models are kept.

    Args:
        folder: the predictor.
        listing: the training images.
        pixels: uint8 `[N, H, W, 3]`, the decoded images.
        logits: `[n]` out-of-fold logits by fold model.
        labels: `[n]`, of the same images; None leaves out the scores by label.
    """
    some = listing.take(evenly_spaced(len(listing), MAX_HEADERS))
    headers = [header for header in read_headers(some) if header is not None]
    measured = pixels[evenly_spaced(len(pixels), MAX_COLORED)]
    earlier = read_training_statistics(folder)
    levels = np.linspace(0, 1, LEVELS)
    scores: dict[str, dict[str, Any]] = {}
    if earlier is not None:
        scores = {
            name: {"images": images, "quantiles": earlier.logits[name].tolist()}
            for name, images in earlier.scored.items()
        }
        for name, known in earlier.by_label.items():
            by_label = {"images": [*known.images], "quantiles": known.quantiles.tolist()}
            scores[name]["by_label"] = by_label
    for name, values in logits.items():
        scores[name] = {"images": len(values), "quantiles": np.quantile(values, levels).tolist()}
        if labels is not None and len(np.unique(labels[name])) == 2:
            scores[name]["by_label"] = _by_label(values, labels[name])
    heights, widths = [one.height for one in headers] or [0], [one.width for one in headers] or [0]
    stored = {
        "format": FORMAT,
        "headers": len(headers),
        "height": [min(heights), max(heights)],
        "width": [min(widths), max(widths)],
        "kinds": dict(Counter(map(file_kind, headers)).most_common()),
        "colored": len(measured),
        "colors": np.quantile(measure_colors(measured), levels, axis=0).round(6).tolist(),
        "scores": dict(sorted(scores.items())),
    }
    write_text(folder / STATISTICS, json.dumps(stored) + "\n")


def read_training_statistics(folder: Path) -> TrainingStatistics | None:
    """Read `reference.json` of a predictor; None where there is none, as in earlier runs.

    Raises:
        UserError: it is damaged.
    """
    path = folder / STATISTICS
    if not path.exists():
        return None
    advice = "Delete it to predict without looking for data drift"
    with readable(path, "the training statistics of a predictor", advice):
        stored = {FORMERLY.get(key, key): value for key, value in read_json(path).items()}
        field(stored, "format", one_of(FORMAT))
        scores = field(stored, "scores", mapping_of(mapping))
        kinds = field(stored, "kinds", mapping_of(count))
        if len(kinds) > MAX_KINDS:
            raise ValueError(f"kinds: {len(kinds)} are more than there are image formats")
        quantiles = partial(_quantiles, (LEVELS,))
        return TrainingStatistics(
            headers=field(stored, "headers", count),
            height=_range(stored, "height"),
            width=_range(stored, "width"),
            kinds=kinds,
            colored=field(stored, "colored", count),
            colors=field(stored, "colors", partial(_quantiles, (LEVELS, len(COLORS)))),
            scored={name: field(one, "images", count) for name, one in scores.items()},
            logits={name: field(one, "quantiles", quantiles) for name, one in scores.items()},
            by_label={
                name: field(one, "by_label", _label_scores)
                for name, one in scores.items()
                if "by_label" in one
            },
        )


def _by_label(values: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, Any]:
    own = [values[labels == label] for label in (0, 1)]
    levels = np.linspace(0, 1, LEVELS)
    return {
        "images": [len(one) for one in own],
        "quantiles": [np.quantile(one, levels).tolist() for one in own],
    }


def _label_scores(value: object) -> LabelScores:
    stored = mapping(value)
    zero, one = field(stored, "images", list_of(count, length=2))
    if not min(zero, one):
        raise ValueError("images: expected some of each label")
    quantiles = field(stored, "quantiles", list_of(partial(_quantiles, (LEVELS,)), length=2))
    return LabelScores((zero, one), np.stack(quantiles))


def evenly_spaced(total: int, limit: int) -> NDArray[np.int64]:
    """Return at most `limit` evenly spaced indices below `total`.

    >>> evenly_spaced(10, 4).tolist(), evenly_spaced(3, 4).tolist()
    ([0, 2, 5, 7], [0, 1, 2])
    """
    chosen = min(total, limit)
    return np.arange(chosen, dtype=np.int64) * total // max(chosen, 1)


def _range(stored: Mapping[str, Any], key: str) -> tuple[int, int]:
    low, high = field(stored, key, list_of(count, length=2))
    return low, high


def _quantiles(shape: tuple[int, ...], value: object) -> NDArray[np.float64]:
    numbers = np.array(value, dtype=np.float64)
    is_rising = numbers.shape == shape and not (np.diff(numbers, axis=0) < 0).any()
    if not is_rising or not np.isfinite(numbers).all():
        raise ValueError(f"expected finite numbers of shape {shape} that do not decrease")
    return numbers
