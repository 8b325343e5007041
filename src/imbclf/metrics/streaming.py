"""The half total error rate of batches that come one after another, on any number of devices."""

import torch
from torch import Tensor
from torchmetrics import Metric


def error_counts(scores: Tensor, labels: Tensor, threshold: float) -> Tensor:
    """Count true rejects, false accepts, false rejects, true accepts and unusable images.

    An image is unusable if its score is not finite or its label neither 0 nor 1. Nothing is
    fetched from the device. Scores of less than 32 bits are compared as float32, so that the
    threshold is not rounded to theirs.

    Args:
        scores: logits, probabilities or any other score of label 1, `[N]`.
        labels: `[N]`.
        threshold: on the scale of the scores; label 1 is decided where score >= threshold.

    Returns:
        int64 `[5]`.

    >>> error_counts(torch.tensor([0.2, 0.7, 0.9]), torch.tensor([0, 0, 1]), 0.5).tolist()
    [1, 1, 0, 1, 0]
    """
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ValueError(
            f"expected scores and labels of one shape [N], got {tuple(scores.shape)} and "
            f"{tuple(labels.shape)}"
        )
    decided = scores.to(torch.promote_types(scores.dtype, torch.float32)) >= threshold
    kinds = [(labels == label) & (decided == decision) for label in (0, 1) for decision in (0, 1)]
    usable = scores.isfinite() & ((labels == 0) | (labels == 1))
    return torch.stack([*(kind & usable for kind in kinds), ~usable]).sum(dim=1)


def hter_of_counts(counts: Tensor) -> Tensor:
    """Return (FAR + FRR) / 2 of `error_counts`, a float32 scalar; NaN if a class is absent.

    Raises:
        ValueError: if images were unusable.

    >>> hter_of_counts(torch.tensor([3, 1, 0, 2, 0]))
    tensor(0.1250)
    """
    if counts[4] > 0:
        raise ValueError(
            f"{int(counts[4])} of {int(counts.sum())} images have a score that is not finite or a "
            "label that is neither 0 nor 1"
        )
    far = counts[1] / (counts[0] + counts[1])
    frr = counts[2] / (counts[2] + counts[3])
    return (far + frr) / 2


class HTER(Metric):
    """HTER of all batches since the last reset, at one threshold.

    Args:
        threshold: on the scale of the scores that `update` gets; nothing is guessed.

    >>> metric = HTER(threshold=0.5)
    >>> metric.update(torch.tensor([0.2, 0.7]), torch.tensor([0, 0]))
    >>> metric.update(torch.tensor([0.9]), torch.tensor([1]))
    >>> metric.compute()
    tensor(0.2500)
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold
        self.counts: Tensor
        self.add_state("counts", torch.zeros(5, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, scores: Tensor, labels: Tensor) -> None:
        """Count one batch: scores and labels `[N]`."""
        self.counts = self.counts + error_counts(scores, labels, self.threshold)

    def compute(self) -> Tensor:
        """Return the HTER so far."""
        return hter_of_counts(self.counts)
