"""What training batches go through, as one set of options."""

import math
from dataclasses import dataclass

from imbclf.augment.geometry import Flip
from imbclf.errors import UserError

FLIPS = "none, random or alternating"
MIXUP_FIRST = "augment.mixup above 0 with it (augment.mixup=0.2): it chooses mixup's labels"


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
        self._expect("flip", self.flip in ("none", "random", "alternating"), FLIPS)
        self._expect("shift", self.shift >= 0, "0 or more pixels")
        self._expect("zoom", 0 < self.zoom <= 1, "a share of the area, above 0 and at most 1")
        self._expect("rotate", 0 <= self.rotate <= 180, "0 to 180 degrees")
        for name in ("brightness", "contrast", "saturation"):
            self._expect(name, 0 <= getattr(self, name) <= 1, "0 to 1")
        self._expect("cutout", self.cutout >= 0, "0 or more pixels")
        for name in ("mixup", "cutmix"):
            self._expect(name, 0 <= getattr(self, name) < math.inf, "alpha, 0 or more; try 0.2")
        self._expect("remix", not self.remix or self.mixup > 0, MIXUP_FIRST)
        self._expect("remix_kappa", 1 < self.remix_kappa < math.inf, "a number above 1")
        self._expect("remix_tau", 0 <= self.remix_tau <= 1, "0 to 1")

    @property
    def jitters(self) -> bool:
        """Return whether colors are changed."""
        return max(self.brightness, self.contrast, self.saturation) > 0

    def check_size(self, height: int, width: int) -> None:
        """Make sure that images of this size can be shifted and cut as far as the options say.

        Raises:
            UserError: they are too small.
        """
        smaller = f"less than the images' {height}x{width} pixels"
        self._expect("shift", self.shift < min(height, width), smaller)
        self._expect("cutout", self.cutout < min(height, width), smaller)

    def _expect(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise UserError(f"augment.{name}={getattr(self, name)}: expected {expected}")
