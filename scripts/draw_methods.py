"""Draw the pictures of samplers, augmentation, heads and optimization for docs/methods.

python scripts/draw_methods.py [docs/images]
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn

from draw_concepts import BLUE, GRAY, GREEN, ORANGE, figure, write_pictures
from imbclf import samplers
from imbclf.augment import Augmentation, FoldAugmentation
from imbclf.data.demo import write_demo
from imbclf.models.freezing import Freezing
from imbclf.models.heads.base import Head
from imbclf.models.heads.knn import NeighborsHead
from imbclf.models.heads.linear import CosineHead, LinearHead
from imbclf.models.heads.mahalanobis import MahalanobisHead
from imbclf.training.learning_rate import Schedule, learning_rate_factor

LABELS = np.repeat([0, 1], [120, 880])
STEPS = {
    "as it is": {"flip": "none"},
    "shift": {"flip": "none", "shift": 8},
    "zoom": {"flip": "none", "zoom": 0.5},
    "rotate": {"flip": "none", "rotate": 20},
    "brightness": {"flip": "none", "brightness": 0.5},
    "saturation": {"flip": "none", "saturation": 1.0},
    "cutout": {"flip": "none", "cutout": 20},
    "mixup": {"flip": "none", "mixup": 1.0},
    "cutmix": {"flip": "none", "cutmix": 1.0},
}


def epochs() -> dict[str, np.ndarray]:
    """Return the positions that each sampler draws in an epoch."""
    made: dict[str, samplers.IndexSampler] = {
        "shuffle": samplers.ShuffleSampler(LABELS, seed=0),
        "square_root": samplers.SquareRootSampler(LABELS, seed=0),
        "balanced": samplers.BalancedSampler(LABELS, seed=0),
        "undersample": samplers.UndersampleSampler(LABELS, seed=0, ratio=1.0),
        "both_classes": samplers.BothClassesSampler(LABELS, seed=0, batch_size=32, minimum=4),
        "majority_only": samplers.MajorityOnlySampler(LABELS, seed=0),
        "progressive, begin": samplers.ProgressiveSampler(LABELS, seed=0, start=0.1, end=0.5),
        "progressive, end": samplers.ProgressiveSampler(LABELS, seed=0, start=0.1, end=0.5),
    }
    made["progressive, end"].set_progress(1.0)
    hard = samplers.HardSampler(LABELS, seed=0)
    logits = np.random.default_rng(0).normal(1.5, 1, len(LABELS))  # as of a network that says 1
    hard.observe(np.arange(len(LABELS)), logits, LABELS.astype(float))
    return {name: np.asarray(one.draw()) for name, one in (made | {"hard": hard}).items()}


def draw_samplers() -> Figure:
    """Draw how many images of each label an epoch has, and how many of them are repetitions."""
    drawn = figure(3.6)
    axes = drawn.add_subplot()
    drawings = epochs()
    for row, positions in enumerate(drawings.values()):
        left = 0
        for label, color in ((0, ORANGE), (1, BLUE)):
            of_label = positions[LABELS[positions] == label]
            new = len(np.unique(of_label))
            axes.barh(row, new, left=left, color=color)
            axes.barh(row, len(of_label) - new, left=left + new, color=color, alpha=0.4)
            left += len(of_label)
    kinds = {"minority": (ORANGE, 1.0), "minority, again": (ORANGE, 0.4)}
    kinds |= {"majority": (BLUE, 1.0), "majority, again": (BLUE, 0.4)}
    handles = [axes.barh([0], [0], color=c, alpha=a, label=n) for n, (c, a) in kinds.items()]
    axes.legend(
        handles, [*kinds], loc="lower center", bbox_to_anchor=(0.4, 1), ncols=4, frameon=False
    )
    axes.set(yticks=range(len(drawings)), yticklabels=[*drawings], ylim=(len(drawings) - 0.4, -0.6))
    axes.set(xlabel="images of an epoch; 120 of the minority and 880 of the majority exist")
    return drawn


def draw_augmentation() -> Figure:
    """Draw two faces after each step of the augmentation."""
    with tempfile.TemporaryDirectory() as folder:
        write_demo(Path(folder) / "faces", images=4, unlabeled=1, minority=0.25, seed=3)
        files = sorted((Path(folder) / "faces" / "train_img").glob("*.jpg"))
        images = torch.from_numpy(np.stack([np.asarray(Image.open(file)) for file in files]))
    labels, rows = torch.tensor([0, 1, 1, 1]), torch.arange(4)
    drawn = figure(1.9)
    panels = drawn.subplots(2, len(STEPS))
    for column, (name, options) in zip(panels.T, STEPS.items(), strict=True):
        augment = FoldAugmentation(Augmentation(**options), seed=2, class_counts=(1, 3))  # type: ignore[arg-type]
        changed, _ = augment(images, labels, rows, epoch=0, batch=0)
        column[0].set_title(name, fontsize=7)
        for axes, image in zip(column, changed, strict=False):
            axes.imshow(image.round().clamp(0, 255).to(torch.uint8).numpy())
            axes.axis("off")
    return drawn


def trained(head: Head, features: Tensor, labels: Tensor) -> Head:
    """Return a head of one direction, fitted by balanced cross-entropy."""
    weights = torch.where(labels > 0, 1 / labels.mean(), 1 / (1 - labels.mean()))
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(head(features), labels, weights)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return head


def draw_heads() -> Figure:
    """Draw the logits of heads over two features, the minority around the majority."""
    draws = torch.Generator().manual_seed(4)
    many = torch.randn(200, 2, generator=draws) @ torch.tensor([[1.0, 0.5], [0.0, 0.5]]) + 3
    few = many[:14] + 3.2 * nn.functional.normalize(torch.randn(14, 2, generator=draws))
    features, labels = torch.cat([many, few]), torch.cat([torch.zeros(200), torch.ones(14)])
    heads: dict[str, Head] = {
        "linear": trained(LinearHead(2), features, labels),
        "cosine": trained(CosineHead(2), features, labels),
    }
    for name, one in (
        ("mahalanobis", MahalanobisHead(2)),
        ("neighbors", NeighborsHead(2, 5, 200, normalize=False)),
    ):
        one.prepare(many, minority=1)
        heads[name] = one
    x, y = np.meshgrid(np.linspace(-3, 9, 60), np.linspace(-1, 7, 60))
    grid = torch.from_numpy(np.stack([x.ravel(), y.ravel()], axis=1)).float()
    drawn = figure(4.2)
    for axes, (name, head) in zip(drawn.subplots(2, 2).flat, heads.items(), strict=True):
        with torch.no_grad():
            logits = head(grid).reshape(x.shape).numpy()
        axes.contour(x, y, logits, levels=8, colors="0.6", linewidths=0.7)
        axes.scatter(*many.T, s=4, color=BLUE, label="majority")
        axes.scatter(*few.T, s=14, color=ORANGE, label="minority")
        axes.set(title=name, xticks=[], yticks=[])
    drawn.axes[0].legend(frameon=False, loc="upper left")
    return drawn


def draw_optimization() -> Figure:
    """Draw the learning rate and the trained stages over the course of training."""
    drawn = figure(2.6)
    rate, stages = drawn.subplots(1, 2)
    progress = np.linspace(0, 1, 201)
    schedules: dict[Schedule, str] = {"constant": GRAY, "cosine": BLUE, "one_cycle": ORANGE}
    for name, color in schedules.items():
        factors = [learning_rate_factor(one, name) for one in progress]
        rate.plot(progress, factors, color=color, label=name)
    warm = [learning_rate_factor(one, "cosine", warmup=0.2) for one in progress]
    rate.plot(progress, warm, color=BLUE, linestyle=":", label="cosine, warmup=0.2")
    rate.set(title="learning rate / lr", xlabel="share of training", ylim=(0, 1.55))
    rate.legend(frameon=False, fontsize=7, loc="upper right")
    for gradual, color in ((False, BLUE), (True, GREEN)):
        freezing = Freezing(0.5, gradual=gradual)
        values = [freezing.trained_stages(one, stages=4) for one in progress]
        stages.plot(progress, values, color=color, label=f"gradual={str(gradual).lower()}")
    stages.set(title="stages trained, frozen=0.5", xlabel="share of training", yticks=range(5))
    stages.legend(frameon=False, fontsize=7, loc="lower right")
    return drawn


def main(arguments: Sequence[str]) -> None:
    """Write the pictures into a folder."""
    write_pictures(
        arguments,
        {
            "samplers.svg": draw_samplers,
            "heads.svg": draw_heads,
            "optimization.svg": draw_optimization,
            "augmentation.png": draw_augmentation,
        },
    )


if __name__ == "__main__":
    main(sys.argv[1:])
