"""The description of a backbone: what it is built from, checked and completed with defaults."""

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any, Literal, NotRequired, TypedDict

from imbclf.errors import UserError
from imbclf.models.heads import Entry
from imbclf.models.pretrained_weights import published_weights
from imbclf.models.torchvision_models import check_name, has_fixed_size

LARGEST = 4096  # pixels; five times the largest size of torchvision's weights

Stem = Literal["standard", "small"]
ProbeOption = bool | Literal["maxima", "kernels"]
ProbeKind = Literal["stages", "stage_maxima", "stage_kernels", "patches", "patch_kernels"]
Source = Literal["timm", "own"]  # besides torchvision, which goes without saying
Interpolation = Literal["bilinear", "bicubic"]


class Architecture(TypedDict):
    """All that `rebuild_backbone` needs to build a backbone without its weights; JSON-able.

    Networks of torchvision have the first seven keys alone.
    """

    name: str
    input_size: int | None
    stem: Stem
    mean: list[float]
    std: list[float]
    head: Entry
    probe: ProbeKind | None
    source: NotRequired[Source]
    width: NotRequired[int]  # D, the number of features
    options: NotRequired[dict[str, Any]]  # arguments of the network's class, plain values
    interpolation: NotRequired[Interpolation]
    license: NotRequired[str | None]  # of the weights, as timm states it


def check_options(name: str, weights: str | None, input_size: int | None, stem: Stem) -> None:
    """Check the options of a backbone before anything is built.

    Raises:
        UserError: an option has no such value, or two contradict each other.
    """
    check_name(name)
    check_input_size(input_size)
    if stem not in ("standard", "small"):
        raise UserError(f"model.stem={stem}: expected standard or small.")
    if stem == "small" and weights is not None:
        raise UserError(
            "model.stem=small has no place for weights, which are made with the standard stem. Use "
            "it with model.weights=null, or keep model.stem=standard and give model.input_size."
        )


def check_input_size(input_size: int | None) -> None:
    """Check the side in pixels to which images are resized.

    Raises:
        UserError: it is out of range.
    """
    if input_size is not None and not 1 <= input_size <= LARGEST:
        raise UserError(
            f"model.input_size={input_size}: expected pixels, {LARGEST} at most, or null for no "
            "resizing."
        )


def describe_architecture(
    name: str,
    weights: str | None,
    input_size: int | None,
    stem: Stem,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
) -> Architecture:
    """Return the architecture with defaults filled in, but without head and probe."""
    published = published_weights(name, weights)
    usual = published.transforms()
    if input_size is None and has_fixed_size(name):
        input_size = published.meta["min_size"][0]
    return Architecture(
        name=name,
        input_size=input_size,
        stem=stem,
        mean=three_numbers("mean", usual.mean if mean is None else mean),
        std=three_numbers("std", usual.std if std is None else std),
        head={},
        probe=None,
    )


def describe_other(
    source: Source,
    name: str,
    input_size: int | None,
    normalization: tuple[Sequence[float], Sequence[float]],
    width: int,
    options: Mapping[str, Any],
) -> Architecture:
    """Return the architecture of a network that is not torchvision's, but without its head.

    Args:
        source: where the network is from.
        name: there.
        input_size: side in pixels to which images are resized on the device, or None.
        normalization: mean and standard deviation of each color in 0..1.
        width: number of features.
        options: arguments of the network's class.

    Raises:
        UserError: mean or deviation is not three numbers.
    """
    mean, std = normalization
    return Architecture(
        name=name,
        input_size=input_size,
        stem="standard",
        mean=three_numbers("mean", mean),
        std=three_numbers("std", std),
        head={},
        probe=None,
        source=source,
        width=width,
        options=dict(options),
    )


def three_numbers(option: str, values: Sequence[float]) -> list[float]:
    """Return `model.mean` or `model.std` as a number for each color.

    Raises:
        UserError: there are not three finite ones, or a deviation is not above 0.
    """
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        numbers = []
    least = 0 if option == "std" else -inf
    if len(numbers) != 3 or not all(isfinite(number) and number > least for number in numbers):
        above = " above 0" if option == "std" else ""
        raise UserError(
            f"model.{option}={values}: expected a number{above} for each of three colors."
        )
    return numbers
