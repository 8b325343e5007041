"""`imbclf-predict`: label a folder of images with a trained ensemble."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.json_result import report_result
from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.config.checks import expect_bool, refuse_overwriting, refuse_swapped
from imbclf.cli.config.decision import decision_options, run_point
from imbclf.cli.config.error_context import explain_option
from imbclf.cli.config.validation import check
from imbclf.errors import UserError
from imbclf.tracking.addresses import addresses_of, load_ensemble, peek_manifest
from imbclf.utils.background import run_in_background

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from imbclf.data.dataset import UnlabelledFolder
    from imbclf.data.listing import Listing
    from imbclf.prediction.operating_point import OperatingPoint
    from imbclf.prediction.predict_folder import FolderPredictions
    from imbclf.prediction.predictor import Predictor
    from imbclf.prediction.referral import Referral

    Decoded = tuple[NDArray[np.uint8], Listing]


def main() -> None:
    """Run the command."""
    sys.exit(launch("predict", task, ("run", "data.dir")))


def task(cfg: DictConfig) -> None:
    """Predict labels and write `predictions.csv`, `labels.txt` and `predictions.json`."""
    check(cfg, "predict")
    refuse_swapped("imbclf-predict", cfg.run, cfg.data.dir)
    options = decision_options(cfg)
    configure_logging()
    out = Path(str(cfg.out))
    _check_page(cfg)
    refuse_overwriting(out, "labels.txt", "predictions", cfg.overwrite)

    from hydra.utils import instantiate

    with explain_option("data"):
        data = instantiate(cfg.data)
    addresses = addresses_of(cfg.run)
    decoded_for = _decode_ahead(data, addresses)

    with fast_imports():
        from imbclf.augment.tta import check_tta
        from imbclf.evaluation.positive_label import positive_label
        from imbclf.evaluation.unseen_images import run_of
        from imbclf.prediction.predict_folder import predict_folder
        from imbclf.prediction.referral import Referral
        from imbclf.prediction.scoring import check_precision, pick_device
        from imbclf.prediction.write_predictions import write_predictions

    point = run_point(options, cfg.run)
    check_precision(cfg.precision)
    if options.tta is not None:
        check_tta("tta", options.tta)
    device = pick_device(cfg.accelerator)
    predictor = load_ensemble(addresses, cfg.tracking.uri, cfg.tracking.directory)
    images = decoded_for(predictor)
    run = run_of(addresses[0]) if len(addresses) == 1 else None
    about = positive_label(predictor.rare_label, predictor.label_names, run, cfg.positive)
    found = predict_folder(
        predictor,
        images,
        options,
        options.threshold_at(point),
        device,
        cfg.precision,
        data.batch_size,
        about,
        point if isinstance(point, Referral) else None,
    )
    aim = None if isinstance(point, Referral) else point
    write_predictions(found, predictor, options, addresses, out, aim)
    page = _write_page(cfg, found, images[0], predictor, device, point) if cfg.html else None
    _report(found, predictor, out, page)


def _check_page(cfg: DictConfig) -> None:
    for name in ("html", "explain"):
        expect_bool(name, cfg[name])
    if cfg.explain and not cfg.html:
        raise UserError("explain=true: heat maps are for the page of predictions; add html=true")


def _decode_ahead(
    data: "UnlabelledFolder", addresses: Sequence[str]
) -> "Callable[[Predictor], Decoded]":
    """Decode images while torch is imported and the predictor loaded, if their size is known.

    Returns:
        The images for a predictor; a call waits for them.
    """
    manifest = peek_manifest(addresses)
    if manifest is None:
        return lambda predictor: data.open(predictor.image_size, options=predictor.pixel_options)
    decoded = run_in_background(
        partial(data.open, manifest.image_size, options=manifest.pixel_options)
    )
    return lambda _: decoded()


def _report(
    found: "FolderPredictions", predictor: "Predictor", out: Path, page: Path | None
) -> None:
    """Report what was decided, the files, and drift."""
    from imbclf.prediction.drift import kind_of
    from imbclf.prediction.write_predictions import prediction_text

    report_result(
        out / "predictions.json",
        predictions=out / "predictions.csv",
        labels=out / "labels.txt",
        summary=out / "predictions.json",
        **({} if page is None else {"page": page}),
    )
    for note in found.listing.account.notes:
        log.info("%s", note)
    log.info("%s", prediction_text(found, predictor, out))
    if page is not None:
        log.info("page         %s", page)
    for topic, warning in () if found.drift is None else found.drift.warnings.items():
        log.warning("%s: %s", kind_of(topic), warning)


def _write_page(
    cfg: DictConfig,
    found: "FolderPredictions",
    pixels: "NDArray[np.uint8]",
    predictor: "Predictor",
    device: "torch.device",
    point: "OperatingPoint | Referral | None",
) -> Path:
    """Write the page of predictions; return its path."""
    with fast_imports():
        from imbclf.evaluation.run_command import as_typed
        from imbclf.prediction.referral import Referral
        from imbclf.reporting.prediction_page import PAGE, Origin, write_prediction_page

    page = Path(str(cfg.out)) / PAGE
    command = as_typed("imbclf-predict", sys.argv[1:])
    aim = None if point is None or isinstance(point, Referral) else str(point)
    origin = Origin(", ".join(addresses_of(cfg.run)), str(cfg.data.dir), command, aim)
    write_prediction_page(page, found, pixels, predictor, origin, device if cfg.explain else None)
    return page
