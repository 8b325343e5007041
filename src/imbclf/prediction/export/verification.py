"""What proves an exported file to be the same as the predictor, and how quick it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imbclf.prediction.export.formats import Answer, Run
from imbclf.prediction.predictor import Predictions

TOLERANCE = 1e-5
ROUNDING = 1e-6


@dataclass(frozen=True)
class Agreement:
    """How two ways to compute the same answer differ over N images.

    Attributes:
        images: N.
        probability: the largest difference.
        allowed: what it may be: 1e-5, or what rounding of logits in float32 makes of a calibration
            that is very steep, as that of a network whose logits are nearly all alike.
        logit: the largest difference, in parts of the logit where that is above 1.
        labels: number of labels that differ.
        undecided: number of those whose score lies so near the threshold that rounding decides.
    """

    images: int
    probability: float
    allowed: float
    logit: float
    labels: int
    undecided: int

    @property
    def holds(self) -> bool:
        """Whether the two are the same but for rounding."""
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
    expected: Predictions, answer: Answer, threshold: float = 0.0, slope: float = 1.0
) -> Agreement:
    """Compare what a predictor said of N >= 1 images with what an exported graph said.

    Args:
        expected: of the predictor.
        answer: of the graph.
        threshold: score from which both decide 1.
        slope: of the steepest calibration, probabilities by logits.
    """
    differ = expected.decisions != answer["label"]
    size = np.maximum(np.abs(expected.logits), 1)
    near = np.abs(expected.scores - threshold) <= ROUNDING * size.max(axis=1)
    return Agreement(
        images=len(expected.scores),
        probability=float(np.abs(expected.probabilities - answer["probability"]).max()),
        allowed=max(TOLERANCE, abs(slope) / 4 * ROUNDING * float(size.max())),
        logit=float((np.abs(expected.logits - answer["logits"]) / size).max()),
        labels=int(differ.sum()),
        undecided=int((differ & near).sum()),
    )


def time_call(work: Callable[[], object], least: float = 1.0) -> float:
    """Measure what something takes: the median of at least three times, after one uncounted.

    Args:
        work: what is done again and again.
        least: for how many seconds.

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
    """Draw images where there are none at hand: coarse patches of color, and noise on them.

    >>> drawn_images(2, (10, 7)).shape
    (2, 10, 7, 3)
    """
    random = np.random.default_rng(seed)
    height, width = image_size
    coarse = random.uniform(0, 255, (count, 4, 4, 3))
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    noise = random.normal(0, 25, (count, height, width, 3))
    return (coarse[:, rows][:, :, columns] + noise).clip(0, 255).astype(np.uint8)
