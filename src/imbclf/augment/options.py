"""What training batches go through, as one set of options."""

from dataclasses import dataclass
from typing import get_args

from imbclf.augment.geometry import Flip
from imbclf.errors import UserError
from imbclf.utils.checks import check_choice, check_range


@dataclass(frozen=True)
class Augmentation:
    """What training batches go through; all but `flip` is off by default.

    Args:
        flip: mirror images left to right: `none`, `random` or `alternating`.
        shift: largest shift in pixels, the border being filled by reflection; 0 for none.
        zoom: a part of each image fills it, of at least this share of its area and of an aspect of
            3/4 to 4/3; 1 for none.
        rotate: largest turn in degrees, either way; 0 for none.
        brightness: an image's is multiplied by 1 - brightness to 1 + brightness; 0 for none.
        contrast: the same for its contrast.
        saturation: the same for its saturation.
        cutout: side in pixels of a square covered with the image's mean color; 0 for none.
        mixup: alpha of the Beta distribution of the shares of two blended images; 0 for none.
        cutmix: the same for a rectangle of one image in another. Of mixup and cutmix, where both
            are on, each batch draws one.
        remix: mixup's labels favor the minority.
        remix_kappa: they do where the majority has at least this many times the images, above 1.
        remix_tau: an image is wholly the minority's where the majority's share of it is below this.

    Raises:
        UserError: where an option is out of range.
    """

    flip: Flip = "random"
    shift: int = 0
    zoom: float = 1.0
    rotate: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    cutout: int = 0
    mixup: float = 0.0
    cutmix: float = 0.0
    remix: bool = False
    remix_kappa: float = 3.0
    remix_tau: float = 0.5

    def __post_init__(self) -> None:
        check_choice("augment.flip", self.flip, get_args(Flip))
        check_range("augment.shift", self.shift, at_least=0, what="pixels")
        check_range("augment.zoom", self.zoom, above=0, at_most=1, what="a share of the area")
        check_range("augment.rotate", self.rotate, at_least=0, at_most=180, what="degrees")
        for name in ("brightness", "contrast", "saturation", "remix_tau"):
            check_range(f"augment.{name}", getattr(self, name), at_least=0, at_most=1)
        check_range("augment.cutout", self.cutout, at_least=0, what="pixels")
        for name in ("mixup", "cutmix"):
            check_range(f"augment.{name}", getattr(self, name), at_least=0, hint="try 0.2")
        check_range("augment.remix_kappa", self.remix_kappa, above=1)
        if self.remix and not self.mixup:
            raise UserError(
                f"augment.remix={self.remix}: expected augment.mixup above 0 with it, whose labels "
                "it chooses; try augment.mixup=0.2"
            )

    @property
    def changes_color(self) -> bool:
        """Return whether colors are changed."""
        return max(self.brightness, self.contrast, self.saturation) > 0

    def check_size(self, height: int, width: int) -> None:
        """Make sure that images of this size can be shifted and cut as far as the options say.

        Raises:
            UserError: they are too small.
        """
        side, hint = min(height, width), f"the images have {height}x{width} pixels"
        for name in ("shift", "cutout"):
            value = getattr(self, name)
            check_range(f"augment.{name}", value, below=side, what="pixels", hint=hint)
