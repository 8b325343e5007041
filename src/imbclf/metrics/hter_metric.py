"""The half total error rate as a torchmetrics metric, accumulated over batches and devices."""

import torch
from torch import Tensor
from torchmetrics import Metric


def error_counts(scores: Tensor, labels: Tensor, threshold: float) -> Tensor:
    """Return the numbers of true rejects, false accepts, false rejects, true accepts, bad images.

    An image is bad if its score is not finite or its label neither 0 nor 1. Scores are compared
    with the exact threshold, whatever their precision. Nothing is fetched from the device.

    Args:
        scores: logits, probabilities or any other score of label 1, `[N]`.
        labels: `[N]`.
        threshold: on the scale of the scores; label 1 is decided where score >= threshold.

    Returns:
        int64 `[5]`.

    Raises:
        ValueError: the shapes differ, or the threshold is NaN.

    >>> error_counts(torch.tensor([0.2, 0.7, 0.9]), torch.tensor([0, 0, 1]), 0.5).tolist()
    [1, 1, 0, 1, 0]
    """
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ValueError(
            f"expected scores and labels of one shape [N], got {tuple(scores.shape)} and "
            f"{tuple(labels.shape)}"
        )
    if threshold != threshold:
        raise ValueError("threshold: expected a number, got nan")
    wide = scores.to(torch.promote_types(scores.dtype, torch.float32))
    decided = wide >= _round_up(threshold, wide.dtype)
    kinds = [(labels == label) & (decided == decision) for label in (0, 1) for decision in (0, 1)]
    usable = scores.isfinite() & ((labels == 0) | (labels == 1))
    return torch.stack([*(kind & usable for kind in kinds), ~usable]).sum(dim=1)


def _round_up(threshold: float, dtype: torch.dtype) -> float:
    """Return the least number of a type that is at least the threshold: it decides the same."""
    rounded = torch.tensor(threshold, dtype=dtype)
    if float(rounded) < threshold:
        rounded = rounded.nextafter(torch.tensor(torch.inf, dtype=dtype))
    return float(rounded)


def hter_of_counts(counts: Tensor) -> Tensor:
    """Return (FAR + FRR) / 2 of `error_counts`, a float64 scalar; NaN if a class is absent.

    Where the device has no float64 (MPS), it is a float32 scalar.

    Raises:
        ValueError: some images were bad.

    >>> float(hter_of_counts(torch.tensor([3, 1, 0, 2, 0])))
    0.125
    """
    if counts[4] > 0:
        raise ValueError(
            f"{int(counts[4])} of {int(counts.sum())} images have a score that is not finite or a "
            "label that is neither 0 nor 1"
        )
    exact = counts.to(torch.float32 if counts.device.type == "mps" else torch.float64)
    far = exact[1] / (exact[0] + exact[1])
    frr = exact[2] / (exact[2] + exact[3])
    return (far + frr) / 2


class HTER(Metric):
    r"""Half total error rate of binary decisions at one threshold: 1 - balanced accuracy.

    .. math:: \text{HTER} = \frac{1}{2} (\text{FAR} + \text{FRR})

    where FAR = P(decide 1 | label 0), FRR = P(decide 0 | label 1), and 1 is decided where
    score >= threshold. Counts are summed over batches and devices, so that the result is exactly
    that of all images at once; it is NaN as long as a class is absent.

    As input to `forward` and `update`:

    - scores: float tensor `[N]`, logits, probabilities or any other score of label 1
    - labels: int, bool or float tensor `[N]`, 0 or 1

    As output of `forward` and `compute`:

    - hter: float64 scalar in [0, 1]

    Args:
        threshold: on the scale of the scores: 0.5 for probabilities, 0 for logits, say. It may be
            set anew between a `reset` and the next `update`.

    Raises:
        ValueError: on `update`, if shapes differ or the threshold is NaN; on `compute`, if a score
            was not finite or a label neither 0 nor 1.

    >>> metric = HTER(threshold=0.5)
    >>> metric.update(torch.tensor([0.2, 0.7]), torch.tensor([0, 0]))
    >>> metric.update(torch.tensor([0.9]), torch.tensor([1]))
    >>> float(metric.compute())
    0.25

    In a Lightning module, with `self.hter = HTER(threshold=0.0)`::

        def validation_step(self, batch, batch_idx):
            images, labels = batch
            self.hter.update(self(images), labels)
            self.log("dev/hter", self.hter)
    """

    is_differentiable = False
    higher_is_better = False
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold
        self.counts: Tensor
        self.add_state("counts", torch.zeros(5, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, scores: Tensor, labels: Tensor) -> None:
        """Count one batch: scores and labels `[N]`."""
        self.counts = self.counts + error_counts(scores, labels, self.threshold)

    def compute(self) -> Tensor:
        """Return the HTER of all batches since the last reset."""
        return hter_of_counts(self.counts)
