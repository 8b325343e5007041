"""Cross-fitted thresholds: each test image is decided by a threshold of dev and other test images.

A fold's own threshold is chosen on its dev part alone, which may hold few images of the minority.
The predictor that a run leaves has thresholds of dev and test together, three times as many images.
Its error rate cannot be measured on these images, but nearly so: each test part is cut into pieces,
and each piece is decided by the threshold of dev and the other pieces.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.data.splits import Fold
from imbclf.evaluation.decision_errors import decision_errors
from imbclf.evaluation.fold_files import FoldResult
from imbclf.metrics.expected_performance import DevAndTest
from imbclf.metrics.thresholds import Method, choose_threshold
from imbclf.utils.arrays import minority_label, number_groups

PIECES = 5  # more give the same HTER on average and cost more time


def cross_fitted(
    results: Sequence[FoldResult],
    folds: Sequence[Fold],
    labels: NDArray[np.int64],
    clusters: NDArray[np.generic] | None,
    method: Method,
) -> dict[str, Any]:
    """Return the errors on all test parts with thresholds of dev and the other test images.

    HTER, FAR and FRR with their intervals, and the number of pieces that each test part was cut
    into (`cross_fitted_decisions`). Arguments as `summarize`; clusters `[N]` depend on each other.
    """
    decided = []
    for result in results:
        fold = folds[result.fold]
        own = None if clusters is None else clusters[fold.test]
        scored = dev_and_test(result, fold, labels)
        decided.append(cross_fitted_decisions(scored, method, own, PIECES, result.fold))
    rows = np.concatenate([folds[result.fold].test for result in results])
    errors = decision_errors(
        np.concatenate(decided), labels[rows], None if clusters is None else clusters[rows]
    )
    return {**errors, "pieces": PIECES}


def dev_and_test(result: FoldResult, fold: Fold, labels: NDArray[np.int64]) -> DevAndTest:
    """Return the logits of a fold with the labels, which are those of all images, `[N]`."""
    return DevAndTest(result.dev_logits, labels[fold.dev], result.test_logits, labels[fold.test])


def cross_fitted_decisions(
    scored: DevAndTest,
    method: Method,
    groups: NDArray[np.generic] | None = None,
    pieces: int = PIECES,
    seed: int = 0,
) -> NDArray[np.int64]:
    """Return the decisions on test of thresholds in which the decided images have no say.

    1 where `cross_fitted_scores`, which see for arguments, are at least 0; int64 `[M]`.

    >>> labels, dev = np.array([0, 0, 1, 1]), np.array([0.0, 1.0, 2.0, 3.0])
    >>> scored = DevAndTest(dev, labels, np.array([0, 9, 9, 9.5]), labels)
    >>> cross_fitted_decisions(scored, "min_hter").tolist()
    [0, 1, 1, 1]
    """
    return (cross_fitted_scores(scored, method, groups, pieces, seed) >= 0).astype(np.int64)


def cross_fitted_scores(
    scored: DevAndTest,
    method: Method,
    groups: NDArray[np.generic] | None = None,
    pieces: int = PIECES,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return test scores minus thresholds in which the images themselves have no say.

    Sources: cross-fitting as in Chernozhukov et al., "Double/debiased machine learning", The
    Econometrics Journal 21, 2018; here nothing but the threshold is fitted.

    Args:
        scored: dev and test scores of one fold model.
        method: how the thresholds are chosen.
        groups: `[M]`, which test images depend on each other; these are in one piece.
        pieces: J, into how many the test part is cut.
        seed: of the cut.

    Returns:
        float64 `[M]`.

    >>> labels, dev = np.array([0, 0, 1, 1]), np.array([0.0, 1.0, 2.0, 3.0])
    >>> scored = DevAndTest(dev, labels, np.array([0, 9, 9, 9.5]), labels)
    >>> cross_fitted_scores(scored, "min_hter").tolist()
    [-1.5, 7.5, 7.5, 8.0]
    """
    above = np.zeros(len(scored.test_labels))
    piece_of = cut(scored.test_labels, pieces, seed, groups)
    for piece in np.unique(piece_of):
        own = piece_of == piece
        threshold = choose_threshold(
            np.concatenate([scored.dev_scores, scored.test_scores[~own]]),
            np.concatenate([scored.dev_labels, scored.test_labels[~own]]),
            method,
        )
        above[own] = scored.test_scores[own] - threshold
    return above


def cut(
    labels: NDArray[np.int64],
    pieces: int,
    seed: int,
    groups: NDArray[np.generic] | None = None,
) -> NDArray[np.int64]:
    """Return the piece of each image, int64 `[N]`, from 0: whole groups, the labels evenly dealt.

    >>> np.bincount(2 * cut(np.array([0, 1, 1] * 6), 3, seed=0) + np.array([0, 1, 1] * 6)).tolist()
    [2, 4, 2, 4, 2, 4]
    """
    group = np.arange(len(labels)) if groups is None else number_groups(groups, labels)
    rare = minority_label(labels)
    sizes, of_rare = np.bincount(group), np.bincount(group, labels == rare)
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    dealt = shuffled[np.lexsort((sizes[shuffled], of_rare[shuffled]))]
    piece = np.empty(len(sizes), np.int64)
    piece[dealt] = np.arange(len(sizes)) % pieces
    return np.asarray(piece[group])
