"""How the values of an image become 8 bits, and how its shape becomes that of the set."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

from imbclf.errors import UserError
from imbclf.utils.checks import check_choice

Fit = Literal["squash", "pad", "crop"]
Depth = Literal["auto"] | int | Sequence[float] | None
Scale = tuple[float, float]
FULL: Scale = (0, 65535)  # of 16 bits


@dataclass(frozen=True)
class PixelOptions:
    """How images are decoded; the same for all images of a set, and for those predicted on later.

    Args:
        depth: what becomes 0 and 255 of images of more than 8 bits (16-bit gray, 32-bit, float,
            DICOM without a window): `[low, high]`; a number of bits, 8 to 16, for 0 to 2**bits - 1;
            `auto` or None for what the values of the whole set need.
        fit: where an image has another shape than it is resized to: `squash` changes its shape,
            `pad` adds black on two sides, `crop` cuts two sides off.
        max_pixels: most pixels of an image, beyond which it is refused; None for Pillow's limit.

    Raises:
        UserError: an option is out of range.

    >>> PixelOptions(depth=12).scale, PixelOptions().scale
    ((0, 4095), None)
    >>> PixelOptions(fit="stretch")
    Traceback (most recent call last):
    imbclf.errors.UserError: data.fit=stretch: expected one of squash, pad, crop
    """

    depth: Depth = None
    fit: Fit | None = None
    max_pixels: int | None = None

    def __post_init__(self) -> None:
        # Normalized, so that options that mean the same are equal.
        object.__setattr__(self, "depth", _read_depth(self.depth))
        object.__setattr__(self, "fit", "squash" if self.fit is None else self.fit)
        check_choice("data.fit", self.fit, get_args(Fit))
        limit = self.max_pixels
        if limit is not None and (type(limit) is not int or limit < 1):
            raise UserError(
                f"data.max_pixels={limit}: expected the most pixels of an image, 1 or more, or null"
            )

    @property
    def scale(self) -> Scale | None:
        """Return the values that become 0 and 255; None where they are to be judged."""
        assert self.depth is None or isinstance(self.depth, tuple)
        return self.depth


def _read_depth(depth: object) -> Scale | None:
    if depth is None or depth == "auto":
        return None
    if type(depth) is int and 8 <= depth <= 16:
        return 0, 2**depth - 1
    if isinstance(depth, Sequence) and not isinstance(depth, str) and len(depth) == 2:
        low, high = depth
        are_numbers = all(type(one) in (int, float) and isfinite(one) for one in (low, high))
        if are_numbers and low < high:
            return low, high
    raise UserError(
        f"data.depth={depth}: expected auto, a number of bits from 8 to 16, or [low,high]"
    )


# As version 0.1 decoded, and as a single image is decoded whose set is not known.
SIXTEEN_BITS = PixelOptions(FULL)
