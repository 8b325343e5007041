"""Check that a backbone can take images of a size, without computing anything but shapes."""

import torch
from torch.nn import functional as F

from imbclf.errors import UserError
from imbclf.models.backbone import Backbone
from imbclf.models.patch_init import first_convolution
from imbclf.models.probes.build import build_probe
from imbclf.models.usual_side import usual_side


@torch.no_grad()
def check_input(backbone: Backbone, height: int, width: int) -> None:
    """Check that `backbone` takes images of this size; only shapes are computed.

    Args:
        backbone: stays unchanged.
        height: of the images, in pixels.
        width: of the images, in pixels.

    Raises:
        UserError: they are too small for it.
    """
    state = [*backbone.named_parameters(), *backbone.named_buffers()]
    shapes = {name: tensor.to("meta") for name, tensor in state}
    images = torch.empty(2, height, width, 3, dtype=torch.uint8, device="meta")
    side = backbone.architecture["input_size"]
    pixels = torch.empty(2, 3, side or height, side or width, device="meta")
    try:
        torch.func.functional_call(backbone, shapes, (images,))
        if (probe := build_probe(backbone)) is not None:
            probe.to("meta")(pixels)
        if backbone.starts_from_patches and (first := first_convolution(backbone.network)):
            F.unfold(pixels, first.kernel_size)
    except (RuntimeError, ValueError) as error:
        name = backbone.architecture["name"]
        usual = usual_side(backbone.architecture)
        hint = "" if usual is None else f", usually {usual} for this model"
        raise UserError(
            f"model.name={name} cannot take images of {height}x{width} pixels ({error}). "
            f"Resize them with model.input_size{hint}."
        ) from error
