"""Options of the augmentation of training batches."""

from dataclasses import dataclass
from typing import get_args

from imbclf.augment.geometry import Flip
from imbclf.errors import UserError
from imbclf.utils.checks import check_choice, check_range


@dataclass(frozen=True)
class Augmentation:
    """Options of the augmentation; only `flip` is on by default.

    Args:
        flip: mirror images left to right: `none`, `random` or `alternating`.
        shift: largest shift, padded by reflection: in pixels, or below 1 as a share of the shorter
            side (`shift_pixels`); 0 for none.
        zoom: least area of random crops, as a share of the image, with aspect ratios of 3/4 to
            4/3; 1 for none.
        rotate: largest angle in degrees, in both directions; 0 for none.
        brightness: scale brightness by 1 - brightness to 1 + brightness; 0 for none.
        contrast: scale contrast by 1 - contrast to 1 + contrast; 0 for none.
        saturation: scale saturation by 1 - saturation to 1 + saturation; 0 for none.
        cutout: side in pixels of a square covered with the image's mean color; 0 for none.
        mixup: alpha of the Beta distribution of mixup shares; 0 for none.
        cutmix: alpha of the Beta distribution of cutmix shares; 0 for none. If both mixup and
            cutmix are on, one of them is drawn for each batch.
        remix: whether mixup labels favor the minority.
        remix_kappa: least ratio of majority to minority for `remix`, above 1.
        remix_tau: share of the majority below which a mixed image has the label of the minority.

    Raises:
        UserError: an option is out of range.

    >>> Augmentation(mixup=-1.0)
    Traceback (most recent call last):
    imbclf.errors.UserError: augment.mixup=-1.0: expected 0 or more; try 0.2
    """

    flip: Flip = "random"
    shift: float = 0
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
        if self.shift > 1 and self.shift != int(self.shift):
            raise UserError(
                f"augment.shift={self.shift}: expected whole pixels, or below 1 a share of the "
                "shorter side; try 0.0625"
            )
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
        """Whether brightness, contrast or saturation is changed."""
        return max(self.brightness, self.contrast, self.saturation) > 0

    def shift_pixels(self, height: int, width: int) -> int:
        """Return the largest shift in pixels of images of this size.

        A share s of the shorter side is floor(s side), but at least 1 pixel where the side has 2.

        >>> one_sixteenth = Augmentation(shift=1 / 16)
        >>> [one_sixteenth.shift_pixels(side, 200) for side in (1, 8, 16, 64)]
        [0, 1, 1, 4]
        """
        if not 0 < self.shift < 1:
            return int(self.shift)
        side = min(height, width)
        return min(side - 1, max(1, int(self.shift * side)))

    def describe(self, height: int, width: int) -> list[str]:
        """Return lines on what follows from the size of the images, none where nothing does.

        >>> Augmentation(shift=1 / 16).describe(64, 80)
        ['shift    up to 4 pixels: augment.shift=0.0625 of the shorter side, 64']
        """
        if not 0 < self.shift < 1:
            return []
        pixels, side = self.shift_pixels(height, width), min(height, width)
        unit = "pixel" if pixels == 1 else "pixels"
        return [
            f"shift    up to {pixels} {unit}: augment.shift={self.shift:g} of the shorter side, "
            f"{side}"
        ]

    def check_size(self, height: int, width: int) -> None:
        """Check that images of this size are large enough for `shift` and `cutout`.

        Raises:
            UserError: they are too small.
        """
        side, hint = min(height, width), f"the images have {height}x{width} pixels"
        for name in ("shift", "cutout"):
            value = getattr(self, name)
            check_range(f"augment.{name}", value, below=side, what="pixels", hint=hint)
