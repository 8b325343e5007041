"""Data drift: whether new images differ from those that a run was trained on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, kstwo

from imbclf.data.decoding import Header
from imbclf.data.image_headers import read_headers
from imbclf.data.listing import Listing
from imbclf.prediction.training_statistics import (
    COLORS,
    LEVELS,
    TrainingStatistics,
    evenly_spaced,
    file_kind,
    measure_colors,
)

SIGNIFICANCE = 1e-3  # level of each test
MIN_EFFECT = 0.1  # difference of two shares, or distance of two distributions
MAX_IMAGES = 1_000  # images whose headers and colors are measured
MIN_IMAGES = 30  # images whose distribution is compared
MEDIAN = LEVELS // 2  # its index among the quantiles


@dataclass(frozen=True)
class Drift:
    """How new images compare with those of training.

    Attributes:
        images: number of new images.
        warnings: by topic, a sentence on each significant difference.
        findings: the numbers behind it; JSON-able.
    """

    images: int
    warnings: Mapping[str, str]
    findings: Mapping[str, Any]


def ks_distance(values: NDArray[np.float64], quantiles: NDArray[np.float64]) -> float:
    """Return the largest difference of two distribution functions (Kolmogorov and Smirnov).

    Args:
        values: `[N, M]`, N >= 1; the differences at each level are averaged over the M columns.
        quantiles: `[Q, M]`, of what each column is compared with, at even levels.

    >>> rising = np.linspace(0, 1, 201)[:, None]
    >>> round(ks_distance(rising + 0.25, rising), 2), ks_distance(rising, rising)
    (0.25, 0.0)
    """
    differences = np.zeros(len(quantiles))
    for own, known in zip(values.T, quantiles.T, strict=True):
        new = np.searchsorted(np.sort(own), known, "right") / len(own)
        differences += (new - np.searchsorted(known, known, "right") / len(known)) / values.shape[1]
    return float(np.abs(differences).max())


def is_significant_drift(distance: float, images: int, known: int) -> bool:
    """Return whether a `ks_distance` between new and known images is large and significant.

    >>> is_significant_drift(0.3, images=200, known=2000)
    True
    >>> is_significant_drift(0.3, images=20, known=2000)
    False
    """
    if images < MIN_IMAGES or distance <= MIN_EFFECT:
        return False
    size = max(1, images * known // (images + known))
    return bool(kstwo.sf(distance, size) < SIGNIFICANCE)


def is_significant_excess(count: int, images: int, share: float) -> bool:
    """Return whether `count` of `images` exceeds an expected share by much and significantly.

    >>> is_significant_excess(1, images=1, share=0.0005)
    True
    >>> is_significant_excess(1, images=1, share=0.01)
    False
    >>> is_significant_excess(5, images=1000, share=0.0005)
    False
    """
    is_large = count / images - share > MIN_EFFECT
    return is_large and bool(binom.sf(count - 1, images, share) < SIGNIFICANCE)


def is_unseen_size(header: Header, training: TrainingStatistics) -> bool:
    """Return whether an image is higher, lower, wider or narrower than all measured in training."""
    low, high = zip(training.height, training.width, strict=True)
    sides = header.height, header.width
    return any(not a <= side <= b for side, a, b in zip(sides, low, high, strict=True))


def is_outside_range(
    colors: NDArray[np.float64], training: TrainingStatistics
) -> NDArray[np.bool_]:
    """Return which of the colors `[N, 6]` lie outside the range of training, bool `[N, 6]`."""
    margin = 1e-6  # what the training statistics are rounded to
    outside: NDArray[np.bool_] = (colors < training.colors[0] - margin) | (
        colors > training.colors[-1] + margin
    )
    return outside


def outlier_reasons(
    header: Header | None, colors: NDArray[np.float64], training: TrainingStatistics
) -> list[str]:
    """Return how one image differs from all images of training, in a few words each.

    Args:
        header: of the image file; None where there is none, or it is not known.
        colors: `[6]`, of the image.
        training: the training statistics.
    """
    reasons = []
    if header and training.headers and is_unseen_size(header, training):
        reasons.append(f"size {header.height}x{header.width}, in training {_sizes(training)}")
    if header and training.headers and file_kind(header) not in training.kinds:
        reasons.append(f"{file_kind(header)}, in training {', '.join(training.kinds)}")
    for column in np.flatnonzero(is_outside_range(colors[None], training)[0]):
        low, high = training.colors[0, column], training.colors[-1, column]
        value = f"{COLORS[column]} {colors[column]:.3f}"
        reasons.append(f"{value}, in training {low:.3f} to {high:.3f}")
    return reasons


def measure_drift(
    headers: Sequence[Header | None],
    colors: NDArray[np.float64],
    logits: NDArray[np.float64],
    names: Sequence[str],
    training: TrainingStatistics,
) -> Drift:
    """Compare new images with those of training.

    There is a warning where a share (of unseen sizes, of kinds of file, of colors out of range) or
    a distance (of colors, of logits) exceeds 0.1 at a significance level of 0.001. The logits of
    each fold model are compared with those of its own test part, which it had not seen either.

    Args:
        headers: of N new images, or of some of them.
        colors: `[N, 6]`, N >= 1.
        logits: `[N, M]` of the M fold models.
        names: `[M]`, of the fold models.
        training: the training statistics.
    """
    warnings: dict[str, str] = {}
    findings: dict[str, Any] = {}
    known_headers = [header for header in headers if header is not None]
    _compare_headers(known_headers, training, warnings, findings)
    _compare_colors(colors, training, warnings, findings)
    _compare_logits(logits, names, training, warnings, findings)
    return Drift(len(colors), warnings, findings)


def check_drift(
    listing: Listing,
    pixels: NDArray[np.uint8],
    logits: NDArray[np.float64],
    names: Sequence[str],
    training: TrainingStatistics,
) -> Drift:
    """Compare the images of a listing with those of training: `measure_drift`.

    Args:
        listing: N >= 1 files.
        pixels: uint8 `[N, H, W, 3]`, the decoded images.
        logits: `[N, M]` of the M fold models.
        names: `[M]`, of the fold models.
        training: the training statistics.
    """
    headers = read_headers(listing.take(evenly_spaced(len(listing), MAX_IMAGES)))
    measured = pixels[evenly_spaced(len(pixels), MAX_IMAGES)]
    return measure_drift(headers, measure_colors(measured), logits, names, training)


def _compare_headers(
    headers: Sequence[Header],
    training: TrainingStatistics,
    warnings: dict[str, str],
    findings: dict[str, Any],
) -> None:
    if not headers or not training.headers:
        return
    count = len(headers)
    unseen = [header for header in headers if is_unseen_size(header, training)]
    findings["headers"], findings["other_sizes"] = count, len(unseen)
    if is_significant_excess(len(unseen), count, 1 / (training.headers + 2)):
        common = Counter(f"{one.height}x{one.width}" for one in unseen).most_common(1)[0][0]
        warnings["size"] = (
            f"{len(unseen)} of {count} images have a size that did not occur in training "
            f"({common}, for example; in training {_sizes(training)})"
        )
    kinds = Counter(map(file_kind, headers))
    findings["kinds"] = dict(kinds.most_common())
    for name, number in kinds.most_common():
        share = (training.kinds.get(name, 0) + 1) / (training.headers + 2)
        if is_significant_excess(number, count, share):
            warnings[name] = (
                f"{number} of {count} images are {name}, in training "
                f"{training.kinds.get(name, 0)} of {training.headers}"
            )


def _compare_colors(
    colors: NDArray[np.float64],
    training: TrainingStatistics,
    warnings: dict[str, str],
    findings: dict[str, Any],
) -> None:
    outside = int(is_outside_range(colors, training).any(axis=1).sum())
    distances = {
        name: ks_distance(colors[:, [column]], training.colors[:, [column]])
        for column, name in enumerate(COLORS)
    }
    findings["colors"] = {"beyond_all_known": outside, "distance": distances}
    if is_significant_excess(outside, len(colors), 2 * len(COLORS) / (training.colored + 1)):
        warnings["range"] = (
            f"{outside} of {len(colors)} images have colors outside the range of all "
            f"{training.colored} training images"
        )
    worst = max(distances, key=lambda name: distances[name])
    if is_significant_drift(distances[worst], len(colors), training.colored):
        column = COLORS.index(worst)
        new, old = np.median(colors[:, column]), training.colors[MEDIAN, column]
        warnings["colors"] = (
            f"the color distribution differs from training (distance {distances[worst]:.2f} in "
            f"{worst}; median {new:.3f}, in training {old:.3f})"
        )


def _compare_logits(
    logits: NDArray[np.float64],
    names: Sequence[str],
    training: TrainingStatistics,
    warnings: dict[str, str],
    findings: dict[str, Any],
) -> None:
    scored = [name for name in names if name in training.logits]
    if not scored:
        return
    own = logits[:, [list(names).index(name) for name in scored]]
    quantiles = np.stack([training.logits[name] for name in scored], axis=1)
    distance = ks_distance(own, quantiles)
    findings["scores"] = {"distance": distance}
    if is_significant_drift(distance, len(logits), sum(training.scored[name] for name in scored)):
        new, old = np.median(own, axis=0).mean(), quantiles[MEDIAN].mean()
        warnings["scores"] = (
            f"the score distribution differs from the out-of-fold scores (distance {distance:.2f}; "
            f"median logit {new:.2f}, out of fold {old:.2f})"
        )


def _sizes(training: TrainingStatistics) -> str:
    low, high = (f"{a}x{b}" for a, b in zip(training.height, training.width, strict=True))
    return low if low == high else f"{low} to {high}"
