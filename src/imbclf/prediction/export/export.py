"""Export of a predictor to files that are verified against it."""

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
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.export.formats import Format, Run, open_graph, write_graph
from imbclf.prediction.export.graph import OUTPUTS, EnsembleGraph, trace
from imbclf.prediction.export.preparation import preparation
from imbclf.prediction.export.quantization import CALIBRATION, hter_increase, quantize
from imbclf.prediction.export.sample import KnownImages
from imbclf.prediction.export.verification import (
    Agreement,
    compare,
    drawn_images,
    run_in_batches,
    time_call,
)
from imbclf.prediction.labeling_rule import REFERRED, Decide, LabelingRule
from imbclf.prediction.manifest import stored_pixel_options
from imbclf.prediction.operating_point import OperatingPoint
from imbclf.prediction.predictions import Predictions
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.referral import Referral


@dataclass(frozen=True)
class Export:
    """The options of an export; those from `tta` on as for `Predictor.predict_pixels`.

    Attributes:
        form: `onnx` or `pt2`.
        images: number of images that the file is verified on.
        batch_size: images at once.
        point: what the threshold was chosen for, where it was; noted in `export.json`.
    """

    form: Format
    images: int = 1000
    batch_size: int = 64
    tta: Tta | None = None
    calibration: Calibration = "platt"
    prior: float | None = None
    threshold: float = 0.0
    point: OperatingPoint | Referral | None = None
    decide: Decide = "hter"

    @property
    def band(self) -> tuple[float, float] | None:
        """The scores from which and up to which a person is asked."""
        return self.point.band if isinstance(self.point, Referral) else None

    def rule(self, predictor: Predictor) -> LabelingRule:
        """Return how the file labels images."""
        options = DecisionOptions(self.tta, self.calibration, self.prior, decide=self.decide)
        return predictor.labeling_rule(options, self.threshold, band=self.band)

    def predict(self, predictor: Predictor, images: NDArray[np.uint8]) -> Predictions:
        """Return the predictions that the file has to match: in float32, on the CPU."""
        options = (self.batch_size, self.tta, self.calibration, self.prior, self.threshold)
        answer = predictor.predict_pixels(images, None, "32-true", *options, decide=self.decide)
        return answer.referring(self.band)


def export_predictor(
    predictor: Predictor, wanted: Export, known: KnownImages | None, folder: Path
) -> dict[str, Any]:
    """Write `model.onnx` or `model.pt2` into a folder and verify it against the predictor.

    Args:
        predictor: the ensemble.
        wanted: the options.
        known: images of its run; None generates random images.
        folder: an empty folder.

    Returns:
        A description of the file and of its agreement with the predictor; JSON-able.

    Raises:
        UserError: the predictor cannot be exported, or the file does not agree with it.
    """
    graph = EnsembleGraph(
        predictor,
        wanted.tta,
        wanted.calibration,
        wanted.prior,
        wanted.threshold,
        wanted.decide,
        wanted.band,
    )
    description = _describe(predictor, wanted, graph)
    path = folder / f"model.{wanted.form}"
    write_graph(trace(graph, predictor.image_size), wanted.form, path, description)
    agreement = _verify(path, graph, predictor, wanted, known)
    source = "drawn" if known is None else "of the run"
    return {**description, "check": {"source": source, **asdict(agreement)}}


def _describe(predictor: Predictor, wanted: Export, graph: EnsembleGraph) -> dict[str, Any]:
    """Return what a file says of itself: input, outputs, and how it decides."""
    return {
        "input": {"images": ["N", *predictor.image_size, 3], "type": "uint8"},
        **stored_pixel_options(predictor.pixel_options),
        "preparation": preparation(predictor.image_size, predictor.pixel_options),
        "precision": "float32",
        "outputs": list(OUTPUTS),
        "label_names": list(predictor.label_names),
        "members": predictor.names,
        "tta": graph.tta,
        "calibration": wanted.calibration,
        "prior": wanted.prior,
        "average": predictor.ensemble.average,
        "correlation": predictor.ensemble.correlation,
        **wanted.rule(predictor).to_json(),
        **_point(wanted),
        "versions": {name: version(name) for name in ("imbclf", "torch")},
    }


def _verify(
    path: Path,
    graph: EnsembleGraph,
    predictor: Predictor,
    wanted: Export,
    known: KnownImages | None,
) -> Agreement:
    """Return how a file agrees with the predictor.

    Raises:
        UserError: it does not.
    """
    size = predictor.image_size
    images = drawn_images(wanted.images, size) if known is None else known.pixels[: wanted.images]
    answer = run_in_batches(open_graph(path), images, wanted.batch_size)
    slope = float(graph.slopes.abs().max())
    thresholds = (wanted.threshold,) if wanted.band is None else wanted.band
    agreement = compare(wanted.predict(predictor, images), answer, thresholds, slope)
    if not agreement.holds:
        raise UserError(
            f"format={wanted.form}: the file does not agree with the predictor: probabilities "
            f"differ by up to {agreement.probability:.1e}, {agreement.labels} of "
            f"{agreement.images} labels differ. It was not kept; try the other format"
        )
    return agreement


def _point(wanted: Export) -> dict[str, Any]:
    """Return what `export.json` has of what the threshold, or both, were chosen for."""
    if wanted.point is None:
        return {}
    if wanted.band is None:
        return {"operating_point": wanted.point.to_json()}
    return {"referral": wanted.point.to_json(), "label_of_referred": REFERRED}


def export_int8(
    predictor: Predictor,
    wanted: Export,
    known: KnownImages,
    thresholds: Mapping[int, float],
    folder: Path,
) -> dict[str, Any]:
    """Write `model.int8.onnx` beside `model.onnx`; return the loss of accuracy, out of fold.

    The last images calibrate the ranges of activations, the others measure the loss.

    Args:
        predictor: the ensemble.
        wanted: the options.
        known: images of its run.
        thresholds: of each fold of the run, from its dev part.
        folder: the folder of `model.onnx`.

    Raises:
        UserError: there are too few images of the run.
    """
    test = known.take(slice(0, min(wanted.images, len(known.pixels) - CALIBRATION)))
    if len(known.pixels) <= CALIBRATION:
        raise UserError(
            f"int8=true: needs more than {CALIBRATION} images of the run, for calibration and for "
            f"the comparison; found {len(known.pixels)} (images=...)"
        )
    exact, rounded = folder / "model.onnx", folder / "model.int8.onnx"
    quantize(exact, rounded, known.pixels[len(test.pixels) :])
    one, other = (
        run_in_batches(open_graph(path), test.pixels, wanted.batch_size)
        for path in (exact, rounded)
    )
    before, loss = hter_increase(thresholds, test, predictor.names, one, other, wanted.threshold)
    differ = int((one["label"] != other["label"]).sum())
    found = {"images": len(test.pixels), "labels": differ, "hter_float32": before}
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
    backends: dict[str, partial[Predictions] | Run] = {
        "PyTorch": partial(wanted.predict, predictor),
        **{
            path.name: open_graph(path)
            for path in sorted(folder.glob("model*[x2]"), key=lambda file: len(file.name))
        },
    }
    batch, rows = images[: wanted.batch_size], {}
    for name, backend in backends.items():
        rows[name] = {
            "bytes": _bytes_of(predictor) if name == "PyTorch" else _bytes_on_disk(folder, name),
            "images_per_second": len(batch) / time_call(partial(backend, batch)),
            "milliseconds_for_one": 1000 * time_call(partial(backend, batch[:1])),
        }
    return rows


def _bytes_of(predictor: Predictor) -> int:
    tensors = {  # a network that fold models share counts once
        tensor.data_ptr(): tensor.nbytes
        for one in predictor.fold_models
        for tensor in one.weights.values()
    }
    return sum(tensors.values())


def _bytes_on_disk(folder: Path, name: str) -> int:
    return sum(
        file.stat().st_size for file in (folder / name, folder / f"{name}.data") if file.exists()
    )
