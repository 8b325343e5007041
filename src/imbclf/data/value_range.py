"""The values of images of more than 8 bits, and the one scale that a set of them gets."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imbclf.data.pixel_options import FULL, Scale
from imbclf.errors import UserError


class ValueRange(NamedTuple):
    """The least and the greatest finite value of images of more than 8 bits.

    `kind` is `whole` for whole numbers, `float` for others, `both` where a set holds both.
    """

    low: float
    high: float
    kind: Literal["whole", "float", "both"]


def value_range(values: NDArray[np.generic]) -> ValueRange | None:
    """Return the range of an image's values; None where none is finite.

    >>> value_range(np.array([[7, 2571]], dtype=np.uint16))
    ValueRange(low=7, high=2571, kind='whole')
    """
    if values.dtype.kind in "iu":
        return ValueRange(int(values.min()), int(values.max()), "whole")
    finite = values[np.isfinite(values)]
    return ValueRange(float(finite.min()), float(finite.max()), "float") if finite.size else None


def join_ranges(one: ValueRange | None, other: ValueRange | None) -> ValueRange | None:
    """Return the range of two sets of images together.

    >>> join_ranges(ValueRange(0, 9, "whole"), ValueRange(-1.5, 3.0, "float"))
    ValueRange(low=-1.5, high=9, kind='both')
    """
    if one is None or other is None:
        return one or other
    kind = one.kind if one.kind == other.kind else "both"
    return ValueRange(min(one.low, other.low), max(one.high, other.high), kind)


def judge_scale(found: ValueRange | None) -> Scale:
    """Return which values become 0 and 255, for the values of a whole set.

    Whole numbers from 0 to 65,535 get the fewest bits, 8 to 16, that hold the greatest; floats
    within 0 and 1 get 0 to 1; others their own range. Without values it is that of 16 bits.

    Raises:
        UserError: the set mixes whole numbers and floats.

    >>> judge_scale(ValueRange(7, 2571, "whole")), judge_scale(ValueRange(0.2, 0.7, "float"))
    ((0, 4095), (0, 1))
    """
    if found is None:
        return FULL
    low, high, kind = found
    if kind == "both":
        raise UserError(
            "data.depth=auto: some images hold whole numbers of 16 bits, others floats, which have "
            f"no scale in common (together {_number(low)} to {_number(high)}); give the values "
            "that become black and white, data.depth=[low,high]"
        )
    if kind == "whole" and low >= 0 and high <= FULL[1]:
        return 0, 2 ** max(8, int(high).bit_length()) - 1
    if kind == "float" and low >= 0 and high <= 1:
        return 0, 1
    return low, high if high > low else low + 1


def judgment(found: ValueRange, scale: Scale) -> str:
    """Return in a sentence how the values of a set were judged.

    >>> judgment(ValueRange(7, 3071, "whole"), (0, 4095))
    '16-bit images hold values up to 3,071: taken as 12 bits (data.depth=12)'
    """
    low, high = scale
    if found.kind == "whole" and low == 0 and high <= FULL[1]:
        bits = int(high).bit_length()
        return (
            f"16-bit images hold values up to {_number(found.high)}: taken as {bits} bits "
            f"(data.depth={bits})"
        )
    images = "Images of whole numbers" if found.kind == "whole" else "Float images"
    return (
        f"{images} hold values from {_number(found.low)} to {_number(found.high)}: "
        f"{_number(low)} becomes black, {_number(high)} white (data.depth=[{low},{high}])"
    )


def clipping(found: ValueRange, scale: Scale) -> str | None:
    """Return in a sentence that values lie beyond a scale; None where none do."""
    if found.low >= scale[0] and found.high <= scale[1]:
        return None
    return (
        f"Images hold values from {_number(found.low)} to {_number(found.high)}: those beyond "
        f"{_number(scale[0])} to {_number(scale[1])} become black or white (data.depth)"
    )


def to_eight_bits(
    values: NDArray[np.generic], scale: Scale, white_is_low: bool = False
) -> NDArray[np.uint8]:
    """Scale values to 0 to 255; what is not a number becomes the lowest value.

    Args:
        values: of any shape.
        scale: the values that become 0 and 255; those beyond are clipped.
        white_is_low: whether they become 255 and 0 instead.

    >>> to_eight_bits(np.array([0, 2048, 4095, 5000]), (0, 4095)).tolist()
    [0, 128, 255, 255]
    """
    low, high = scale
    shown = (values.astype(np.float64) - low) * (255 / (high - low))
    shown = np.nan_to_num(shown, copy=False, nan=0, posinf=255, neginf=0).clip(0, 255)
    return np.rint(255 - shown if white_is_low else shown).astype(np.uint8)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
