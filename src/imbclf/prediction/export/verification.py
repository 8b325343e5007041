"""Verification of an exported file against the predictor, and timing."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imbclf.prediction.export.formats import Answer, Run
from imbclf.prediction.predictions import Predictions

TOLERANCE = 1e-5
ROUNDING = 1e-6


@dataclass(frozen=True)
class Agreement:
    """How the outputs of a predictor and of an exported graph differ over N images.

    Attributes:
        images: N.
        probability: the largest difference of probabilities.
        allowed: the tolerance: 1e-5, or more where a very steep calibration, as of a network whose
            logits are nearly equal, amplifies the rounding of logits in float32.
        logit: the largest difference, relative to logits above 1.
        labels: number of labels that differ.
        undecided: number of those whose score is at the threshold up to rounding.
    """

    images: int
    probability: float
    allowed: float
    logit: float
    labels: int
    undecided: int

    @property
    def holds(self) -> bool:
        """Return whether the two are equal up to rounding."""
        return self.probability <= self.allowed and self.labels == self.undecided


def run_in_batches(run: Run, images: NDArray[np.uint8], batch_size: int) -> Answer:
    """Run images `[N, H, W, 3]`, N >= 1: the first alone, the others in batches.

    >>> ran = run_in_batches(lambda images: {"score": images.mean((1, 2, 3))},
    ...                      np.arange(5, dtype=np.uint8).repeat(3).reshape(5, 1, 1, 3), 2)
    >>> ran["score"].tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """
    starts = [0, *range(1, len(images), batch_size), len(images)]
    answers = [run(images[a:b]) for a, b in pairwise(starts)]
    return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}


def compare(
    expected: Predictions, answer: Answer, thresholds: Sequence[float] = (0.0,), slope: float = 1.0
) -> Agreement:
    """Compare the predictions of a predictor and of an exported graph for N >= 1 images.

    Args:
        expected: predictions of the predictor.
        answer: output of the graph.
        thresholds: scores at which decisions change.
        slope: the steepest slope of the calibrations.
    """
    differ = expected.outcomes != answer["label"]
    size = np.maximum(np.abs(expected.logits), 1)
    away = np.min([np.abs(expected.scores - threshold) for threshold in thresholds], axis=0)
    near = away <= ROUNDING * size.max(axis=1)
    return Agreement(
        images=len(expected.scores),
        probability=float(np.abs(expected.probabilities - answer["probability"]).max()),
        allowed=max(TOLERANCE, abs(slope) / 4 * ROUNDING * float(size.max())),
        logit=float((np.abs(expected.logits - answer["logits"]) / size).max()),
        labels=int(differ.sum()),
        undecided=int((differ & near).sum()),
    )


def time_call(work: Callable[[], object], least: float = 1.0) -> float:
    """Return the median duration of a call in seconds: of three or more, after one warm-up.

    Args:
        work: the call.
        least: seconds to repeat it for, at least.

    >>> 0.01 <= time_call(lambda: time.sleep(0.01), least=0.05) < 1
    True
    """
    work()
    taken: list[float] = []
    while len(taken) < 3 or sum(taken) < least:
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def drawn_images(count: int, image_size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """Generate random images: coarse patches of color with noise.

    >>> drawn_images(2, (10, 7)).shape
    (2, 10, 7, 3)
    """
    random = np.random.default_rng(seed)
    height, width = image_size
    coarse = random.uniform(0, 255, (count, 4, 4, 3))
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    noise = random.normal(0, 25, (count, height, width, 3))
    return (coarse[:, rows][:, :, columns] + noise).clip(0, 255).astype(np.uint8)
