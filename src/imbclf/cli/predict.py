"""`imbclf-predict`: label a folder of images with a trained ensemble."""

import sys
from functools import partial
from pathlib import Path

from omegaconf import DictConfig

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.json_result import report_result
from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.config.checks import refuse_overwriting
from imbclf.cli.config.decision import decision_options, run_threshold
from imbclf.cli.config.error_context import explain_option
from imbclf.cli.config.validation import check
from imbclf.tracking.addresses import addresses_of, load_ensemble, peek_manifest
from imbclf.utils.background import run_in_background


def main() -> None:
    """Run the command."""
    sys.exit(launch("predict", task, ("run", "data.dir")))


def task(cfg: DictConfig) -> None:
    """Predict labels and write `predictions.csv`, `labels.txt` and `predictions.json`."""
    check(cfg, "predict")
    options = decision_options(cfg)
    configure_logging()
    out = Path(str(cfg.out))
    refuse_overwriting(out, "labels.txt", "predictions", cfg.overwrite)

    from hydra.utils import instantiate

    with explain_option("data"):
        data = instantiate(cfg.data)
    addresses = addresses_of(cfg.run)
    manifest = peek_manifest(addresses)
    # Decode images while torch is imported and the predictor loaded.
    decoded = None
    if manifest is not None:
        size, pixel_options = manifest.image_size, manifest.pixel_options
        decoded = run_in_background(partial(data.open, size, options=pixel_options))

    with fast_imports():
        from imbclf.augment.tta import check_tta
        from imbclf.prediction.predict_folder import (
            predict_folder,
            prediction_text,
            write_predictions,
        )
        from imbclf.prediction.scoring import check_precision, pick_device

    threshold = run_threshold(options, cfg.run)
    check_precision(cfg.precision)
    if options.tta is not None:
        check_tta("tta", options.tta)
    device = pick_device(cfg.accelerator)
    predictor = load_ensemble(addresses, cfg.tracking.uri, cfg.tracking.directory)
    if decoded is None:
        images = data.open(predictor.image_size, options=predictor.pixel_options)
    else:
        images = decoded()
    found = predict_folder(
        predictor, images, options, threshold, device, cfg.precision, data.batch_size
    )
    write_predictions(found, predictor, options, threshold, addresses, out)
    report_result(
        out / "predictions.json",
        predictions=out / "predictions.csv",
        labels=out / "labels.txt",
        summary=out / "predictions.json",
    )
    for note in images[1].account.notes:
        log.info("%s", note)
    log.info("%s", prediction_text(found, predictor, out))
    for warning in () if found.drift is None else found.drift.warnings.values():
        log.warning("possible data drift: %s", warning)
