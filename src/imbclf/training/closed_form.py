"""Fit the head of a fold to embedded images: no network is run and no checkpoint is kept."""

import copy
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imbclf.data.splits import draw_test_parts
from imbclf.evaluation.fold_files import METRICS
from imbclf.metrics.error_rates import binary_report
from imbclf.models.backbone import Backbone
from imbclf.models.heads.logistic import LogisticHead
from imbclf.prediction.decision_rule import decision_rule
from imbclf.tracking.base import Tracker
from imbclf.training.callbacks import EpochRecord
from imbclf.training.embedding import Embedding
from imbclf.training.fold_setup import FoldTask
from imbclf.utils.arrays import class_counts, number_groups

INNER, FEWER, MANY = 5, 3, 2000  # parts that the strength is chosen on, fewer of many images


def inner_parts(
    labels: NDArray[np.int64], groups: NDArray[Any] | None, seed: int
) -> list[NDArray[np.int64]]:
    """Divide a fit part, so that each part can be held out from a regression on the others.

    Args:
        labels: int64 `[N]`.
        groups: `[N]`; none lies in two parts. None: images do not depend on each other.
        seed: of the division.

    Returns:
        Positions of each part, which partition the N images; none where a label has images of one
        group alone.

    >>> [len(part) for part in inner_parts(np.array([0, 1, 1, 1] * 5), None, seed=0)]
    [4, 4, 4, 4, 4]
    >>> inner_parts(np.array([0, 0, 1, 1]), np.array(["a", "a", "b", "c"]), seed=0)
    []
    """
    group = None if groups is None else number_groups(groups, labels)
    units = np.arange(len(labels)) if group is None else group
    fewest = min(len(np.unique(units[labels == label])) for label in (0, 1))
    parts = min(fewest, FEWER if len(labels) > MANY else INNER)
    if parts < 2:
        return []
    divided = draw_test_parts(labels, parts, seed, group)
    return [part for rest, part in divided if len(np.unique(labels[rest])) == 2]


def fit_closed_form(
    task: FoldTask, embedding: Embedding, tracker: Tracker
) -> tuple[Backbone, dict[str, Any]]:
    """Fit a head to the fit part of a fold; write the metrics of its dev part.

    Returns:
        The backbone with that head, and the plain values that a checkpoint would hold.
    """
    recipe, fold, began = task.recipe, task.fold, time.perf_counter()
    labels, groups = recipe.labels[fold.fit], recipe.listing.groups
    head = copy.deepcopy(embedding.backbone.head)
    assert isinstance(head, LogisticHead)
    features = torch.from_numpy(embedding.features[fold.fit])
    own = None if groups is None else groups[fold.fit]
    parts = inner_parts(labels, own, task.seed)
    head.fit(features, labels, parts, embedding.backbone.stages_of_features)
    backbone = embedding.backbone.with_head(head)
    dev, truth = score_features(head, embedding, fold.dev), recipe.labels[fold.dev]
    rule = decision_rule(dev, truth, recipe.parts.cv.threshold)
    loss = recipe.parts.loss(class_counts(labels))
    metrics = {
        "train/loss": _loss(loss, score_features(head, embedding, fold.fit), labels),
        "dev/loss": _loss(loss, dev, truth),
        "dev/threshold": rule["threshold"],
        **{f"dev/{k}": v for k, v in binary_report(dev, truth, rule["threshold"]).items()},
        "seconds": time.perf_counter() - began,
    }
    EpochRecord(task.folder / METRICS, tracker.log_epoch).write(1, metrics)
    metadata = {**recipe.metadata, "architecture": backbone.architecture, "epoch": 0, **rule}
    return backbone, metadata


def score_features(
    head: nn.Module, embedding: Embedding, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the logits, float64 `[len(rows)]`, that a head has of embedded images."""
    with torch.inference_mode():
        found: Tensor = head(torch.from_numpy(embedding.features[rows]))
    logits: NDArray[np.float64] = found.double().numpy()
    return logits


def _loss(loss: nn.Module, logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    with torch.inference_mode():
        return float(loss(torch.from_numpy(logits).float(), torch.from_numpy(labels).float()))
