"""The size of the images that a network was published for."""

from collections.abc import Mapping
from typing import Any

from imbclf.models.pretrained_weights import published_weights
from imbclf.models.timm_names import resolve

ANY_SIDE = 224  # of images for networks that tell no size of theirs


def usual_side(architecture: Mapping[str, Any]) -> int | None:
    """Return the side in pixels of the images that a network was published for, if it was.

    >>> usual_side({"name": "vit_b_16"}), usual_side({"name": "my.Net", "source": "own"})
    (224, None)
    """
    source = architecture.get("source")
    if source == "own":
        return None
    if source == "timm":
        return resolve(architecture["name"]).side
    side: int = published_weights(architecture["name"], None).transforms().crop_size[0]
    return side


def side_for(architecture: Mapping[str, Any]) -> int:
    """Return a side in pixels of images that a network takes: its own, or that it was made for.

    >>> side_for({"name": "resnet18", "input_size": 96}), side_for({"name": "a", "source": "own"})
    (96, 224)
    """
    side: int | None = architecture.get("input_size") or usual_side(architecture)
    return side or ANY_SIDE
