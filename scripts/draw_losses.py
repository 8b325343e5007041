"""Draw the curves of the losses for docs/methods/losses.md, with the options of conf/loss.

python scripts/draw_losses.py [docs/images]
"""

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from draw_concepts import BLUE, GREEN, ORANGE, figure, write_pictures
from imbclf import losses

CONF = Path(__file__).parents[1] / "conf" / "loss"
COUNTS = (1200, 8800)  # label 0 is the minority, as in the benchmarks
OF_IMAGES = {
    "weighting": ["bce", "weighted_bce", "class_balanced", "smoothing"],
    "focusing": ["focal", "asymmetric", "gce", "torch"],
    "margins": ["logit_adjusted", "cdt", "vs", "ldam"],
}
OF_BATCHES = ["soft_hter", "pairwise_auc", "aucm", "svdd"]


@cache
def shipped_loss(name: str) -> nn.Module:
    """Return a loss with the options of its YAML, at the end of training."""
    options: dict[str, Any] = yaml.safe_load((CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    module, _, target = options.pop("_target_").rpartition(".")
    options.pop("_partial_")
    if name == "torch":
        options["name"] = "MarginRankingLoss"  # the hinge
    kind = getattr(nn if module == "torch.nn" else losses, target)
    if "class_counts" in inspect.signature(kind).parameters:
        options["class_counts"] = COUNTS
    made: nn.Module = kind(**options)
    if isinstance(made, losses.WeightedLoss):
        made.set_progress(1.0)
    return made


def loss_of_image(name: str, margin: float, label: int) -> float:
    """Return the loss of one image, `margin` being the logit of its own label."""
    logit = torch.tensor([margin if label else -margin])
    return float(shipped_loss(name)(logit, torch.tensor([float(label)])))


def loss_of_pair(name: str, margin: float) -> float:
    """Return the loss of an image of each label, `margin` being the logit of their own labels."""
    logits, labels = torch.tensor([-margin, margin]), torch.tensor([0.0, 1.0])
    if name == "aucm":
        a, b = torch.sigmoid(logits[1]), torch.sigmoid(logits[0])
        alpha = (1 + b - a).clamp_min(0)  # its saddle point
        return float(losses.auc_margin_loss(logits, labels, a, b, alpha, margin=1.0))
    if name == "svdd":  # logits are minus the distances
        logits = torch.tensor([0.0, -abs(margin)])
    return float(shipped_loss(name)(logits, labels))


def decorate(axes: Axes, name: str, margins: np.ndarray, top: float) -> None:
    """Title a panel, and draw plain cross-entropy for comparison."""
    axes.plot(margins, np.logaddexp(0, -margins), color="0.6", linestyle="--", label="bce")
    axes.set(title=name, ylim=(0, top))
    axes.grid(color="0.92")


def draw_images(names: Sequence[str]) -> Figure:
    """Draw losses that are sums over images: one curve for each label."""
    drawn = figure(4.4)
    margins = np.linspace(-4, 6, 81)
    for axes, name in zip(drawn.subplots(2, 2, sharex=True).flat, names, strict=True):
        decorate(axes, name, margins, top=8.0)
        for label, color, kind in ((0, ORANGE, "minority image"), (1, BLUE, "majority image")):
            values = [loss_of_image(name, margin, label) for margin in margins]
            axes.plot(margins, values, color=color, label=kind)
    drawn.axes[0].legend(frameon=False)
    drawn.supxlabel("logit of the image's own label")
    drawn.supylabel("loss")
    return drawn


def draw_batches(names: Sequence[str] = OF_BATCHES) -> Figure:
    """Draw losses of a batch: here one image of each label."""
    drawn = figure(4.4)
    margins = np.linspace(-4, 6, 81)
    for axes, name in zip(drawn.subplots(2, 2).flat, names, strict=True):
        shown = margins[margins >= 0] if name == "svdd" else margins
        if name == "svdd":
            axes.set(title=name, xlabel="distance of the majority image", ylim=(0, 6))
            axes.grid(color="0.92")
        else:
            decorate(axes, name, margins, top=6.0)
        values = [loss_of_pair(name, margin) for margin in shown]
        axes.plot(shown, values, color=GREEN, label="both images")
    drawn.axes[0].legend(frameon=False)
    drawn.supxlabel("logit of the images' own labels (svdd: distance)")
    drawn.supylabel("loss")
    return drawn


def main(arguments: Sequence[str]) -> None:
    """Write the pictures into a folder."""
    drawings: dict[str, Callable[[], Figure]] = {
        f"losses-{kind}.svg": partial(draw_images, names) for kind, names in OF_IMAGES.items()
    }
    with torch.no_grad():
        write_pictures(arguments, {**drawings, "losses-batches.svg": draw_batches})


if __name__ == "__main__":
    main(sys.argv[1:])
