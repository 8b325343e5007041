"""Build the probe of a backbone, and combine the two."""

from typing import TYPE_CHECKING

from torch import Tensor, nn

from imbclf.models.probes.base import Probe
from imbclf.models.probes.patch_features import PatchProbe
from imbclf.models.probes.pretrained_features import StageProbe
from imbclf.models.usual_side import side_for

if TYPE_CHECKING:
    from imbclf.models.backbone import Backbone


def build_probe(backbone: "Backbone") -> Probe | None:
    """Return an unfitted probe of the kind that the backbone's architecture names, or None.

    >>> from imbclf.models.build import build_backbone
    >>> type(build_probe(build_backbone("squeezenet1_1", probe=True))).__name__
    'PatchProbe'
    """
    kind = backbone.architecture["probe"]
    if kind is None:
        return None
    kernels = kind in ("stage_kernels", "patch_kernels")
    if kind in ("patches", "patch_kernels"):
        return PatchProbe(kernels)
    side = side_for(backbone.architecture)
    return StageProbe(backbone.network, side, maxima=kind != "stages", kernels=kernels)


class ProbedBackbone(nn.Module):
    """The mean of a backbone's logits and those of a probe.

    logits = (backbone(images) + probe(normalized images)) / 2

    Args:
        backbone: uint8 images [N, H, W, 3] to logits [N].
        probe: normalized images [N, 3, H', W'] to logits [N].
    """

    def __init__(self, backbone: "Backbone", probe: Probe) -> None:
        super().__init__()
        self.backbone, self.probe = backbone, probe

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits [N] of images [N, H, W, 3] in 0..255, uint8 or floating point."""
        pixels = self.backbone.normalize(images)
        logits: Tensor = self.backbone.classify(pixels)
        probed: Tensor = self.probe(pixels)
        return (logits + probed) / 2


def with_probe(backbone: "Backbone", probe: Probe | None) -> nn.Module:
    """Return the backbone, averaged with its probe if there is one; weights are shared."""
    return backbone if probe is None else ProbedBackbone(backbone, probe)
