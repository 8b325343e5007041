"""An exported graph in whole numbers of 8 bits, and what of the answer that costs."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.metrics.error_rates import hter
from imbclf.metrics.significance import Difference, paired_hter_test
from imbclf.prediction.export.formats import Answer, onnx_package, silence_exporters
from imbclf.prediction.export.sample import KnownImages

CALIBRATION = 128  # images that the ranges of activations are taken from
BATCH = 16  # of them at once


def quantize(source: Path, target: Path, images: NDArray[np.uint8]) -> None:
    """Write an ONNX file whose convolutions and matrix products compute with 8 bits.

    Weights are rounded channel by channel, activations by the range that they have over some
    images (static quantization, in QDQ form). Normalization, calibration and thresholds stay.

    Args:
        source: the file in float32.
        target: the file to write.
        images: uint8 `[N, H, W, 3]` like those that the graph is for.
    """
    onnx_package("onnxruntime.quantization")
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Batches(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            return {"images": self.left.pop(0)} if self.left else None

    prepared = target.with_suffix(".prepared.onnx")
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # its advice to do what was done a line above
    try:
        with silence_exporters():
            quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
            quantize_static(
                str(prepared),
                str(target),
                Batches(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv", "MatMul", "Gemm"],
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
    finally:
        root.setLevel(level)
        prepared.unlink(missing_ok=True)


def hter_increase(
    thresholds: Mapping[int, float],
    known: KnownImages,
    names: Sequence[str],
    exact: Answer,
    rounded: Answer,
    threshold: float = 0.0,
) -> tuple[float, Difference]:
    """Compare two graphs out of fold: each image is judged by the one model that never saw it.

    Args:
        thresholds: of each finished fold of the run, from its dev part.
        known: images that both graphs were run on.
        names: of the graph's members, in its order.
        exact: what the graph answered in float32.
        rounded: what it answered in 8 bits.
        threshold: 1 is decided where logit - threshold of the fold is at least this.

    Returns:
        HTER of the exact graph; and how much more the rounded one has, with its 95 % interval.

    Raises:
        UserError: the graph lacks a fold of the run, or of one label there is no image.
    """
    folds = sorted({int(fold) for fold in known.folds})
    missing = {f"fold_{fold}" for fold in folds} - set(names)
    if missing or set(folds) - set(thresholds) or len(np.unique(known.labels)) < 2:
        raise UserError("int8=true: the run lacks a fold, or its images are of one label only")
    column = np.array([names.index(f"fold_{fold}") for fold in known.folds])
    least = np.array([thresholds[int(fold)] for fold in known.folds]) + threshold
    rows = np.arange(len(known.labels))
    decided, reference = (
        (answer["logits"][rows, column] >= least).astype(np.int64) for answer in (rounded, exact)
    )
    loss = paired_hter_test(decided, reference, known.labels, groups=known.groups)
    return hter(reference, known.labels), loss
