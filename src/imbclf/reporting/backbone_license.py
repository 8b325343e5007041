"""What is known of the license of a backbone and of its pretrained weights."""

from collections.abc import Mapping
from typing import Any

ARCHITECTURE = (
    "The code of the architecture is that of the library that provides it (torchvision: "
    "BSD-3-Clause)."
)
SCRATCH = "No pretrained weights were used."
FILE = (
    "Its weights started from the file {weights}: their license is that of whoever published it, "
    "and is not known here."
)
SWAG = (
    "Its weights started from {weights}, which Meta published under CC BY-NC 4.0: not for "
    "commercial use."
)
PUBLISHED = (
    "Its weights started from the published weights {weights} of that library. Most such weights "
    "were trained on ImageNet, whose images are provided for research and education; whether that "
    "binds what is derived from them is disputed. Look it up before commercial use."
)
UNKNOWN = "Which weights it started from was not written down."


def backbone_license(model: Mapping[str, Any]) -> str:
    """Return what is known, in sentences.

    Args:
        model: the section `model` of a run's configuration.

    >>> backbone_license({"name": "resnet18", "weights": None}).endswith(SCRATCH)
    True
    >>> "CC BY-NC 4.0" in backbone_license({"weights": "IMAGENET1K_SWAG_E2E_V1"})
    True
    >>> "not known here" in backbone_license({"weights": "weights/mine.pth"})
    True
    """
    if "weights" not in model:
        return f"{ARCHITECTURE} {UNKNOWN}"
    weights = model["weights"]
    if weights is None:
        return f"{ARCHITECTURE} {SCRATCH}"
    name = str(weights)
    is_file = any(mark in name for mark in "/\\.")
    text = FILE if is_file else SWAG if "SWAG" in name else PUBLISHED
    return f"{ARCHITECTURE} {text.format(weights=name.replace(chr(92), '/').rpartition('/')[2])}"
