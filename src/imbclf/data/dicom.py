"""DICOM files, read by pydicom: the first frame, through its rescaling and its window."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imbclf.data.opening import WHITE_IS_LOW

if TYPE_CHECKING:
    from pydicom import Dataset

# Sequences that hold the numbers of a frame in files of many.
TRANSFORMATION, FRAME_WINDOW = "PixelValueTransformationSequence", "FrameVOILUTSequence"


def read_dicom(file: BinaryIO, pixels: bool = True) -> "Dataset":
    """Read a DICOM file, its pixels not yet decoded, or without them.

    Raises:
        ModuleNotFoundError: pydicom is not installed.
        ValueError: the file holds no image, as a report or a plan does.
        Exception: whatever else pydicom raises on a broken file.
    """
    from pydicom import dcmread

    dataset = dcmread(file, stop_before_pixels=not pixels)
    if "Rows" not in dataset or "Columns" not in dataset:
        raise ValueError("a DICOM file without an image")
    return dataset


def dicom_header(file: BinaryIO) -> tuple[str, str, int, int, int]:
    """Return format, mode as Pillow would call it, height, width and number of frames.

    Raises:
        Exception: as `read_dicom`.
    """
    dataset = read_dicom(file, pixels=False)
    is_color = int(dataset.SamplesPerPixel) > 1 or _photometric(dataset) == "PALETTE COLOR"
    gray = "L" if int(dataset.BitsStored) <= 8 else "I;16"
    mode, frames = "RGB" if is_color else gray, frame_count(dataset)
    return "DICOM", mode, int(dataset.Rows), int(dataset.Columns), frames


def frame_count(dataset: "Dataset") -> int:
    """Return the number of frames of a DICOM file."""
    return int(dataset.get("NumberOfFrames") or 1)


def dicom_image(dataset: "Dataset") -> Image.Image:
    """Return the first frame as an image: RGB, L, or I or F of values that have no window.

    Values are rescaled (slope and intercept, or the modality's table), then shown through the
    first window, if there is one (PS3.3, C.11.2.1.2 and C.11.2.1.3). MONOCHROME1 is inverted: of
    modes I and F `info["white_is_low"]` is set instead. Tables for display are not used.
    """
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
    from pydicom.pixels.utils import pixel_array

    frame: NDArray[Any] = pixel_array(dataset, index=0)
    bits = int(dataset.BitsStored)
    if _photometric(dataset) == "PALETTE COLOR":
        frame = apply_color_lut(frame, dataset)
        bits = 8 * frame.itemsize
    if frame.ndim == 3:
        return Image.fromarray(_eight_bits(frame, bits))
    inverted = _photometric(dataset) == "MONOCHROME1"
    slope = _frame_value(dataset, "RescaleSlope", TRANSFORMATION, 1)
    intercept = _frame_value(dataset, "RescaleIntercept", TRANSFORMATION, 0)
    center = _frame_value(dataset, "WindowCenter", FRAME_WINDOW, None)
    width = _frame_value(dataset, "WindowWidth", FRAME_WINDOW, None)
    assert slope is not None
    assert intercept is not None
    if "ModalityLUTSequence" in dataset:
        values = apply_modality_lut(frame, dataset)
    elif slope == int(slope) and intercept == int(intercept):
        values = frame.astype(np.int64) * int(slope) + int(intercept)
    else:
        values = frame * slope + intercept
    if center is not None and width is not None:
        shape = str(dataset.get("VOILUTFunction") or "LINEAR")
        shown = np.rint(through_window(values, center, width, shape)).astype(np.uint8)
    elif bits <= 8 and (slope, intercept) == (1, 0) and values.min() >= 0:
        shown = _eight_bits(frame, bits)
    else:
        kind = np.int32 if values.dtype.kind in "iu" else np.float32
        image = Image.fromarray(values.astype(kind))
        image.info[WHITE_IS_LOW] = inverted
        return image
    return Image.fromarray(255 - shown if inverted else shown)


def through_window(
    values: NDArray[Any], center: float, width: float, shape: str = "LINEAR"
) -> NDArray[np.float64]:
    """Return what a window of DICOM shows of values, 0 to 255 (PS3.3, C.11.2.1.2).

    Args:
        values: rescaled.
        center: of the window.
        width: of the window.
        shape: LINEAR, LINEAR_EXACT or SIGMOID.

    >>> through_window(np.array([-1000, 39.5, 1000]), 40, 400).tolist()
    [0.0, 127.5, 255.0]
    """
    if shape == "SIGMOID":
        shown = 255 / (1 + np.exp(-4 * (values - center) / width))
    elif shape == "LINEAR_EXACT":
        shown = ((values - center) / width + 0.5) * 255
    elif width > 1:
        shown = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    else:
        shown = np.where(values > center - 0.5, 255.0, 0.0)
    clipped: NDArray[np.float64] = shown.clip(0, 255)
    return clipped


def _frame_value(
    dataset: "Dataset", name: str, sequence: str, default: float | None
) -> float | None:
    """Return a number of the first frame, the first of several.

    Files of many frames keep it below one of two sequences, for a frame or for all.
    """
    places = [dataset]
    for key in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        for group in list(dataset.get(key) or [])[:1]:
            places += list(group.get(sequence) or [])
    for place in places:
        value = place.get(name)
        if value is not None and value != "":
            return float(value[0] if isinstance(value, Sequence) else value)
    return default


def _photometric(dataset: "Dataset") -> str:
    return str(dataset.get("PhotometricInterpretation", ""))


def _eight_bits(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    shown: NDArray[np.uint8] = np.rint(values * (255 / (2**bits - 1))).astype(np.uint8)
    return shown
