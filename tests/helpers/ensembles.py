"""Small ensembles whose logits differ from image to image, as those of trained networks do."""

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn import functional as F

from imbclf.augment.tta import Tta
from imbclf.models.backbone import Backbone
from imbclf.models.build import build_backbone
from imbclf.models.probes.base import Probe
from imbclf.models.probes.build import build_probe
from imbclf.prediction.decision_rule import DecisionRule
from imbclf.prediction.export.verification import drawn_images
from imbclf.prediction.fold_model import FoldModel
from imbclf.prediction.fold_model_files import save_fold_model

NAMES = ("bad", "good")


def briefly_trained(name: str, side: int, seed: int, steps: int = 3, **options: Any) -> Backbone:  # noqa: ANN401
    """Train a network for some steps to tell bright images from dark; its logits lie around 0.

    Three steps leave logits nearly alike: the head is stretched, as more of them would. Batch norms
    take the mean of all batches, since with moments that lag behind every image looks the same.
    """
    torch.manual_seed(seed)
    backbone = build_backbone(name, **options)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    images = torch.from_numpy(drawn_images(8, (side, side), seed))
    labels = (images.float().mean((1, 2, 3)) > images.float().mean()).float()
    optimizer = torch.optim.SGD(backbone.parameters(), lr=1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(backbone(images), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        spread = backbone.eval()(images).std().clamp_min(0.1)  # not to enlarge rounding
        for key, weight in backbone.head.named_parameters():
            if key.endswith("weight"):
                weight.copy_(weight / spread)
        if hasattr(backbone.head, "bias"):
            backbone.head.bias -= backbone(images).mean()
    return backbone


def drawn_probe(backbone: Backbone, side: int, seed: int) -> Probe | None:
    """Return a backbone's probe, if it is to have one, with random weights and logits around 0."""
    probe = build_probe(backbone)
    if probe is None:
        return None
    torch.manual_seed(seed)
    for name, values in probe.named_buffers():
        if name in ("weight", "filters", "offsets"):
            values.copy_(0.05 * torch.randn_like(values))
    images = torch.from_numpy(drawn_images(8, (side, side), seed))
    with torch.no_grad():
        probe.bias -= probe(backbone.normalize(images)).mean()
    return probe


def write_predictor(
    folder: Path,
    make: Callable[[int], Backbone],
    side: int,
    tta: Tta = "none",
    fold_models: int = 2,
) -> None:
    """Write a predictor of networks that `make` makes of their number."""
    for number in range(fold_models):
        backbone = make(number)
        metadata = {
            "architecture": dict(backbone.architecture),
            "threshold": 0.3 - 0.5 * number,
            "slope": 1.5 + number,
            "intercept": -0.25,
            "temperature": 2.0 + number,
            "prior": 0.8,
            "image_size": [side, side],
            "label_names": list(NAMES),
        }
        rule = DecisionRule(**{key: metadata[key] for key in DecisionRule.__annotations__})  # type: ignore[typeddict-item]
        model = FoldModel(backbone, rule, "", drawn_probe(backbone, side, number))
        save_fold_model(folder, number, metadata, model.weights, tta)


def encoded(images: NDArray[np.uint8], form: str = "PNG") -> list[str]:
    """Return the files of images in base64."""

    files = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, form)
        files.append(base64.b64encode(buffer.getvalue()).decode())
    return files
