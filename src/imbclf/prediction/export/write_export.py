"""The files of an export: written, run and found right before they take their place."""

import tempfile
from pathlib import Path
from typing import Any

from imbclf.errors import UserError
from imbclf.prediction.export.export import (
    Export,
    export_int8,
    export_predictor,
    measure_speeds,
)
from imbclf.prediction.export.sample import KnownImages
from imbclf.prediction.export.verification import drawn_images
from imbclf.prediction.predictor import Predictor
from imbclf.utils.tables import write_json

SUMMARY = "export.json"


def check_export(wanted: Export, int8: bool) -> None:
    """Refuse numbers that are out of range, and 8 bits in a format that has none.

    Raises:
        UserError: names the option.
    """
    if int8 and wanted.form != "onnx":
        raise UserError(f"int8=true: there is no such thing with format={wanted.form}; choose onnx")
    for name, value, least in (("images", wanted.images, 2), ("batch_size", wanted.batch_size, 1)):
        if not isinstance(value, int) or value < least:
            raise UserError(f"{name}={value}: expected {least} or more images")


def write_export(
    predictor: Predictor,
    wanted: Export,
    out: Path,
    known: KnownImages | None = None,
    thresholds: dict[int, float] | None = None,
) -> dict[str, Any]:
    """Write `model.onnx` or `model.pt2`, and `export.json`, what was checked, into a folder.

    Args:
        predictor: the ensemble.
        wanted: the options.
        out: the folder; what stands there is replaced once everything is found right.
        known: images of the predictor's run; None: drawn ones.
        thresholds: of each fold of the run; with them an 8-bit file is written, too, and judged
            on the run's images.

    Returns:
        The contents of `export.json`.

    Raises:
        UserError: the predictor cannot be exported, or the file does not agree with it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".export-") as folder:
        partial = Path(folder)
        summary = export_predictor(predictor, wanted, known, partial)
        if thresholds is not None:
            assert known is not None
            summary["int8"] = export_int8(predictor, wanted, known, thresholds, partial)
        images = drawn_images(wanted.batch_size, predictor.image_size)
        summary["speed"] = measure_speeds(predictor, wanted, images, partial)
        for file in sorted(partial.iterdir()):
            file.replace(out / file.name)
    write_json(out / SUMMARY, summary)
    return summary
