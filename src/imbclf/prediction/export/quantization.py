"""Quantization of an exported graph to 8 bits, and the loss of accuracy."""

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

CALIBRATION = 128  # images that calibrate the ranges of activations
BATCH = 16


def quantize(source: Path, target: Path, images: NDArray[np.uint8]) -> None:
    """Write an ONNX file whose convolutions and matrix products compute with 8 bits.

    Weights are quantized per channel, activations by their range over some images (static
    quantization in QDQ form). Normalization, calibration and thresholds stay in float.

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
    root.setLevel(logging.ERROR)  # it advises the preprocessing that is done here
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
    """Compare two graphs out of fold: each image is scored by the one fold model that never saw it.

    Args:
        thresholds: of each finished fold of the run, from its dev part.
        known: the images that both graphs were run on.
        names: of the graph's fold models, in its order.
        exact: output of the graph in float32.
        rounded: output of the graph in 8 bits.
        threshold: 1 is decided where logit - threshold of the fold is at least this.

    Returns:
        HTER of the exact graph; and the increase by rounding, with its 95 % interval.

    Raises:
        UserError: the graph lacks a fold of the run, or all images have one label.
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
