"""From a predictor to exported files that have been run and found right."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.augment.tta import Tta
from imbclf.errors import UserError
from imbclf.metrics.calibration import Calibration
from imbclf.prediction.export.formats import Format, Run, open_graph, write_graph
from imbclf.prediction.export.graph import OUTPUTS, EnsembleGraph, trace
from imbclf.prediction.export.quantization import CALIBRATION, hter_increase, quantize
from imbclf.prediction.export.sample import KnownImages
from imbclf.prediction.export.verification import compare, drawn_images, run_in_batches, time_call
from imbclf.prediction.predictor import Predictions, Predictor


@dataclass(frozen=True)
class Export:
    """What is to be written; the last four as for `Predictor.predict`.

    Attributes:
        form: `onnx` or `pt2`.
        images: number of images that the file is checked on.
        batch_size: images at once.
    """

    form: Format
    images: int = 1000
    batch_size: int = 64
    tta: Tta | None = None
    calibration: Calibration = "platt"
    prior: float | None = None
    threshold: float = 0.0

    def predict(self, predictor: Predictor, images: NDArray[np.uint8]) -> Predictions:
        """Return what the file must answer: in float32, on the CPU."""
        options = (self.batch_size, self.tta, self.calibration, self.prior, self.threshold)
        return predictor.predict(images, None, "32-true", *options)


def export_predictor(
    predictor: Predictor, wanted: Export, known: KnownImages | None, folder: Path
) -> dict[str, Any]:
    """Write `model.onnx` or `model.pt2` into a folder and run it beside the predictor.

    Args:
        predictor: the ensemble.
        wanted: the options.
        known: images of its run; None where there are none at hand, and some are drawn.
        folder: an empty folder.

    Returns:
        What the file is, how it agrees with the predictor, its size and its speed; JSON-able.

    Raises:
        UserError: it cannot be exported, or does not agree.
    """
    graph = EnsembleGraph(predictor, wanted.tta, wanted.calibration, wanted.prior, wanted.threshold)
    card = {
        "input": {"images": ["N", *predictor.image_size, 3], "type": "uint8"},
        "outputs": list(OUTPUTS),
        "label_names": list(predictor.label_names),
        "members": predictor.names,
        "tta": graph.tta,
        "calibration": wanted.calibration,
        "prior": wanted.prior,
        "threshold": wanted.threshold,
        "versions": {name: version(name) for name in ("imbclf", "torch")},
    }
    path = folder / f"model.{wanted.form}"
    write_graph(trace(graph, predictor.image_size), wanted.form, path, card)
    size = predictor.image_size
    images = drawn_images(wanted.images, size) if known is None else known.pixels[: wanted.images]
    answer = run_in_batches(open_graph(path), images, wanted.batch_size)
    slope = float(graph.slopes.abs().max())
    agreement = compare(wanted.predict(predictor, images), answer, wanted.threshold, slope)
    if not agreement.holds:
        raise UserError(
            f"format={wanted.form}: the file does not answer as the predictor does: probabilities "
            f"differ by up to {agreement.probability:.1e}, {agreement.labels} of "
            f"{agreement.images} labels differ. It is not kept; try the other format"
        )
    source = "drawn" if known is None else "of the run"
    return {**card, "check": {"source": source, **asdict(agreement)}}


def export_int8(
    predictor: Predictor,
    wanted: Export,
    known: KnownImages,
    thresholds: Mapping[int, float],
    folder: Path,
) -> dict[str, Any]:
    """Write `model.int8.onnx` beside `model.onnx`; return what it loses, out of fold.

    The last images are those that ranges are taken from, the others those that it is judged on.

    Args:
        predictor: the ensemble.
        wanted: the options.
        known: images of its run.
        thresholds: of each fold of the run, from its dev part.
        folder: where `model.onnx` lies.

    Raises:
        UserError: there are too few images of the run.
    """
    judged = known.take(slice(0, min(wanted.images, len(known.pixels) - CALIBRATION)))
    if len(known.pixels) <= CALIBRATION:
        raise UserError(
            f"int8=true: needs more than {CALIBRATION} images of the run, to take the ranges from "
            f"and to judge on; here are {len(known.pixels)} (images=...)"
        )
    exact, rounded = folder / "model.onnx", folder / "model.int8.onnx"
    quantize(exact, rounded, known.pixels[len(judged.pixels) :])
    one, other = (
        run_in_batches(open_graph(path), judged.pixels, wanted.batch_size)
        for path in (exact, rounded)
    )
    before, loss = hter_increase(thresholds, judged, predictor.names, one, other, wanted.threshold)
    differ = int((one["label"] != other["label"]).sum())
    found = {"images": len(judged.pixels), "labels": differ, "hter_float32": before}
    return {
        **found,
        "hter": before + loss.hter,
        "loss": loss.hter,
        "loss_interval": [loss.low, loss.high],
    }


def measure_speeds(
    predictor: Predictor, wanted: Export, images: NDArray[np.uint8], folder: Path
) -> dict[str, dict[str, float]]:
    """Measure size and speed of the predictor and of the files in a folder, all on the CPU."""
    ways: dict[str, partial[Predictions] | Run] = {
        "PyTorch": partial(wanted.predict, predictor),
        **{
            path.name: open_graph(path)
            for path in sorted(folder.glob("model*[x2]"), key=lambda file: len(file.name))
        },
    }
    batch, rows = images[: wanted.batch_size], {}
    for name, way in ways.items():
        rows[name] = {
            "bytes": _weight(predictor) if name == "PyTorch" else _size(folder, name),
            "images_per_second": len(batch) / time_call(partial(way, batch)),
            "milliseconds_for_one": 1000 * time_call(partial(way, batch[:1])),
        }
    return rows


def export_text(sheet: Mapping[str, Any]) -> str:
    """Return what was exported, in some lines."""
    check, shape = sheet["check"], ", ".join(map(str, sheet["input"]["images"]))
    lines = [
        f"models       {len(sheet['members'])} in one graph",
        f"takes        images: uint8 [{shape}]",
        f"gives        {', '.join(sheet['outputs'])}",
        f"checked      on {check['images']} images ({check['source']}): probability within "
        f"{check['probability']:.1e}, {check['labels']} labels differ",
    ]
    if loss := sheet.get("int8"):
        low, high = loss["loss_interval"]
        lines.append(
            f"int8         HTER {loss['hter']:.4f} for {loss['hter_float32']:.4f} in float32, "
            f"{loss['loss']:+.4f} ({low:+.4f} to {high:+.4f}), out of fold on {loss['images']} "
            "images"
        )
    lines.append(f"\n{'':16}{'MB':>8}{'images/s':>10}{'ms for one':>12}")
    for name, row in sheet["speed"].items():
        size, speed = row["bytes"] / 1e6, row["images_per_second"]
        lines.append(f"{name:16}{size:8.1f}{speed:10.0f}{row['milliseconds_for_one']:12.1f}")
    return "\n".join(lines)


def _weight(predictor: Predictor) -> int:
    return sum(tensor.nbytes for member in predictor.members for tensor in member.weights.values())


def _size(folder: Path, name: str) -> int:
    return sum(
        file.stat().st_size for file in (folder / name, folder / f"{name}.data") if file.exists()
    )
