"""Whether new images look like those that a run was trained on."""

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
    evenly,
    kind,
    measure_colors,
)

RARE = 1e-3  # probability of a chance finding, of each thing that is looked at
WORTH_A_WORD = 0.1  # difference of two shares, or distance of two distributions
SEEN = 1_000  # images whose headers and colors are looked at, at most
FEWEST = 30  # images whose distribution is compared
MEDIAN = LEVELS // 2  # its place among the quantiles


@dataclass(frozen=True)
class Drift:
    """How new images compare with a run's own.

    Attributes:
        images: their number.
        warnings: what sets them apart, a sentence for each matter; empty where nothing does.
        findings: the numbers behind it; JSON-able.
    """

    images: int
    warnings: Mapping[str, str]
    findings: Mapping[str, Any]


def distance(values: NDArray[np.float64], quantiles: NDArray[np.float64]) -> float:
    """Return the largest difference of two distribution functions (Kolmogorov and Smirnov).

    Args:
        values: `[N, M]`, N >= 1; the differences at each level are averaged over the M columns.
        quantiles: `[Q, M]`, of what each column is compared with, at even levels.

    >>> rising = np.linspace(0, 1, 201)[:, None]
    >>> round(distance(rising + 0.25, rising), 2), distance(rising, rising)
    (0.25, 0.0)
    """
    differences = np.zeros(len(quantiles))
    for own, known in zip(values.T, quantiles.T, strict=True):
        new = np.searchsorted(np.sort(own), known, "right") / len(own)
        differences += (new - np.searchsorted(known, known, "right") / len(known)) / values.shape[1]
    return float(np.abs(differences).max())


def is_significant_drift(found: float, images: int, known: int) -> bool:
    """Whether a `distance` between so many new and known images is large, and no chance.

    >>> is_significant_drift(0.3, images=200, known=2000)
    True
    >>> is_significant_drift(0.3, images=20, known=2000)
    False
    """
    if images < FEWEST or found <= WORTH_A_WORD:
        return False
    return bool(kstwo.sf(found, max(1, images * known // (images + known))) < RARE)


def is_commoner(count: int, images: int, share: float) -> bool:
    """Whether `count` of `images` is more than a share lets expect: by much, and by no chance.

    >>> is_commoner(1, 1, 0.0005), is_commoner(1, 1, 0.01), is_commoner(5, 1000, 0.0005)
    (True, False, False)
    """
    return count / images - share > WORTH_A_WORD and bool(binom.sf(count - 1, images, share) < RARE)


def is_other_size(header: Header, known: TrainingStatistics) -> bool:
    """Whether an image is higher, lower, wider or narrower than all that were looked at."""
    low, high = zip(known.height, known.width, strict=True)
    sides = header.height, header.width
    return any(not a <= side <= b for side, a, b in zip(sides, low, high, strict=True))


def beyond(colors: NDArray[np.float64], known: TrainingStatistics) -> NDArray[np.bool_]:
    """Say for colors `[N, 6]` which are beyond those of every image that was measured."""
    margin = 1e-6  # what the reference rounds to
    outside: NDArray[np.bool_] = (colors < known.colors[0] - margin) | (
        colors > known.colors[-1] + margin
    )
    return outside


def outlier_reasons(
    header: Header, colors: NDArray[np.float64], known: TrainingStatistics
) -> list[str]:
    """Return what sets one image apart from all images of the training, in a few words each.

    Args:
        header: of its file.
        colors: `[6]`, its own.
        known: the training's.
    """
    found = []
    if known.headers and is_other_size(header, known):
        found.append(f"size {header.height}x{header.width}, in training {_sizes(known)}")
    if known.headers and kind(header) not in known.kinds:
        found.append(f"{kind(header)}, in training {', '.join(known.kinds)}")
    for place in np.flatnonzero(beyond(colors[None], known)[0]):
        low, high = known.colors[0, place], known.colors[-1, place]
        told = f"{COLORS[place]} {colors[place]:.3f}, in training {low:.3f} to {high:.3f}"
        found.append(told)
    return found


def measure_drift(
    headers: Sequence[Header | None],
    colors: NDArray[np.float64],
    logits: NDArray[np.float64],
    names: Sequence[str],
    known: TrainingStatistics,
) -> Drift:
    """Hold new images against those of the training.

    A share (of sizes, kinds of file, colors beyond all known ones) or a distance (of colors, of
    logits) is worth a warning where it exceeds 0.1 and chance has less than 1 in 1000 to give it.
    Each model's logits are compared with those that it gave to its own test part, which it had not
    seen either.

    Args:
        headers: of N new images, or of some of them.
        colors: `[N, 6]`, N >= 1.
        logits: `[N, M]` of the M models.
        names: `[M]`, theirs.
        known: the training's.
    """
    told = [header for header in headers if header is not None]
    warnings: dict[str, str] = {}
    findings: dict[str, Any] = {}
    _compare_headers(told, known, warnings, findings)
    _compare_colors(colors, known, warnings, findings)
    scored = [name for name in names if name in known.logits]
    if scored:
        columns = [list(names).index(name) for name in scored]
        quantiles = np.stack([known.logits[name] for name in scored], axis=1)
        found = distance(logits[:, columns], quantiles)
        findings["scores"] = {"distance": found}
        if is_significant_drift(found, len(logits), sum(known.scored[name] for name in scored)):
            new, old = np.median(logits[:, columns], axis=0).mean(), quantiles[MEDIAN].mean()
            warnings["scores"] = (
                f"scores are not distributed as out of fold (distance {found:.2f}; median logit "
                f"{new:.2f}, out of fold {old:.2f})"
            )
    return Drift(len(colors), warnings, findings)


def check_drift(
    listing: Listing,
    pixels: NDArray[np.uint8],
    logits: NDArray[np.float64],
    names: Sequence[str],
    known: TrainingStatistics,
) -> Drift:
    """Hold the images of a listing against those of the training: `measure_drift`.

    Args:
        listing: N >= 1 files.
        pixels: uint8 `[N, H, W, 3]`, of the size that they are labeled in.
        logits: `[N, M]` of the M models.
        names: `[M]`, theirs.
        known: the training's.
    """
    headers = read_headers(listing.take(evenly(len(listing), SEEN)))
    seen = pixels[evenly(len(pixels), SEEN)]
    return measure_drift(headers, measure_colors(seen), logits, names, known)


def _compare_headers(
    headers: Sequence[Header],
    known: TrainingStatistics,
    warnings: dict[str, str],
    findings: dict[str, Any],
) -> None:
    if not headers or not known.headers:
        return
    count = len(headers)
    others = [header for header in headers if is_other_size(header, known)]
    findings["headers"], findings["other_sizes"] = count, len(others)
    if is_commoner(len(others), count, 1 / (known.headers + 2)):
        common = Counter(f"{one.height}x{one.width}" for one in others).most_common(1)[0][0]
        warnings["size"] = (
            f"{len(others)} of {count} images looked at have other sizes ({common}, say) than in "
            f"training ({_sizes(known)})"
        )
    kinds = Counter(map(kind, headers))
    findings["kinds"] = dict(kinds.most_common())
    for name, number in kinds.most_common():
        share = (known.kinds.get(name, 0) + 1) / (known.headers + 2)
        if is_commoner(number, count, share):
            warnings[name] = (
                f"{number} of {count} images looked at are {name}, in training "
                f"{known.kinds.get(name, 0)} of {known.headers}"
            )


def _compare_colors(
    colors: NDArray[np.float64],
    known: TrainingStatistics,
    warnings: dict[str, str],
    findings: dict[str, Any],
) -> None:
    outside = int(beyond(colors, known).any(axis=1).sum())
    found = {
        name: distance(colors[:, [place]], known.colors[:, [place]])
        for place, name in enumerate(COLORS)
    }
    findings["colors"] = {"beyond_all_known": outside, "distance": found}
    if is_commoner(outside, len(colors), 2 * len(COLORS) / (known.colored + 1)):
        warnings["range"] = (
            f"{outside} of {len(colors)} images looked at have colors beyond those of all "
            f"{known.colored} images of the training"
        )
    worst = max(found, key=lambda name: found[name])
    if is_significant_drift(found[worst], len(colors), known.colored):
        place = COLORS.index(worst)
        new, old = np.median(colors[:, place]), known.colors[MEDIAN, place]
        warnings["colors"] = (
            f"colors are not distributed as in training (distance {found[worst]:.2f} in {worst}; "
            f"median {new:.3f}, in training {old:.3f})"
        )


def _sizes(known: TrainingStatistics) -> str:
    low, high = (f"{a}x{b}" for a, b in zip(known.height, known.width, strict=True))
    return low if low == high else f"{low} to {high}"
