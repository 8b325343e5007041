"""Data drift: whether new images differ from those that a run was trained on."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.data.decoding import Header
from imbclf.data.image_headers import read_headers
from imbclf.data.listing import Listing
from imbclf.prediction.decision_rule import DecisionRule
from imbclf.prediction.distances import (
    MIN_IMAGES as MIN_IMAGES,
    is_significant_drift,
    is_significant_excess,
    ks_distance,
)
from imbclf.prediction.outliers import (
    is_outside_range,
    is_unseen_size,
    outlier_reasons as outlier_reasons,
    size_range,
)
from imbclf.prediction.share_change import ShareChange, find_share
from imbclf.prediction.training_statistics import (
    COLORS,
    LEVELS,
    TrainingStatistics,
    evenly_spaced,
    file_kind,
    measure_colors,
)

MAX_IMAGES = 1_000  # images whose headers and colors are measured
SHARE = "share"  # the topic of a change that is no drift
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


def kind_of(topic: str) -> str:
    """Return what a warning begins with.

    >>> kind_of("colors"), kind_of("share")
    ('possible data drift', 'another share of labels than in training')
    """
    return "another share of labels than in training" if topic == SHARE else "possible data drift"


def measure_drift(
    headers: Sequence[Header | None],
    colors: NDArray[np.float64],
    logits: NDArray[np.float64],
    names: Sequence[str],
    training: TrainingStatistics,
    rules: Sequence[DecisionRule] = (),
    label_names: tuple[str, str] = ("0", "1"),
) -> Drift:
    """Compare new images with those of training.

    There is a warning where a share (of unseen sizes, of kinds of file, of colors out of range) or
    a distance (of colors, of logits) exceeds 0.1 at a significance level of 0.001. The logits of
    each fold model are compared with those of its own test part, which it had not seen either. If
    another share of the labels explains them (`find_share`), that is what is said of them.

    Args:
        headers: of N new images, or of some of them.
        colors: `[N, 6]`, N >= 1.
        logits: `[N, M]` of the M fold models.
        names: `[M]`, of the fold models.
        training: the training statistics.
        rules: `[M]`, of the fold models; without them shares of labels are not estimated.
        label_names: the user's spelling of label 0 and label 1.
    """
    warnings: dict[str, str] = {}
    findings: dict[str, Any] = {}
    known_headers = [header for header in headers if header is not None]
    _compare_headers(known_headers, training, warnings, findings)
    _compare_colors(colors, training, warnings, findings)
    share = find_share(logits, names, rules, training)
    _compare_logits(logits, names, training, share, label_names, warnings, findings)
    return Drift(len(colors), warnings, findings)


def check_drift(
    listing: Listing,
    pixels: NDArray[np.uint8],
    logits: NDArray[np.float64],
    names: Sequence[str],
    training: TrainingStatistics,
    rules: Sequence[DecisionRule] = (),
    label_names: tuple[str, str] = ("0", "1"),
) -> Drift:
    """Compare the images of a listing with those of training: `measure_drift`.

    Args:
        listing: N >= 1 files.
        pixels: uint8 `[N, H, W, 3]`, the decoded images.
        logits: `[N, M]` of the M fold models.
        names: `[M]`, of the fold models.
        training: the training statistics.
        rules: `[M]`, of the fold models; without them shares of labels are not estimated.
        label_names: the user's spelling of label 0 and label 1.
    """
    headers = read_headers(listing.take(evenly_spaced(len(listing), MAX_IMAGES)))
    measured = pixels[evenly_spaced(len(pixels), MAX_IMAGES)]
    colors = measure_colors(measured)
    return measure_drift(headers, colors, logits, names, training, rules, label_names)


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
            f"({common}, for example; in training {size_range(training)})"
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
    share: ShareChange | None,
    label_names: tuple[str, str],
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
    known = sum(training.scored[name] for name in scored)
    is_far = is_significant_drift(distance, len(logits), known)
    if share is not None:
        findings["share"] = share.to_json(label_names)
        if len(logits) >= MIN_IMAGES and share.is_explained and (is_far or share.is_changed):
            warnings[SHARE] = share.sentence(label_names)
            return
    if is_far:
        new, old = np.median(own, axis=0).mean(), quantiles[MEDIAN].mean()
        warnings["scores"] = (
            f"the score distribution differs from the out-of-fold scores (distance {distance:.2f}; "
            f"median logit {new:.2f}, out of fold {old:.2f})"
        )
