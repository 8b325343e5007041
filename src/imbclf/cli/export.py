"""`imbclf-export`: export the ensemble as one file that needs no imbclf."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.json_result import report_result
from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.config.checks import expect_bool, refuse_overwriting
from imbclf.cli.config.decision import decision_options, run_point
from imbclf.cli.config.validation import check
from imbclf.errors import UserError
from imbclf.tracking.addresses import addresses_of, load_ensemble

if TYPE_CHECKING:
    from imbclf.prediction.export.sample import KnownImages


def main() -> None:
    """Run the command."""
    sys.exit(launch("export", task, ("run",)))


def task(cfg: DictConfig) -> None:
    """Export the ensemble, after its outputs were verified against the predictor's."""
    check(cfg, "export")
    options = decision_options(cfg)
    configure_logging()
    out = Path(str(cfg.out))
    refuse_overwriting(out, "export.json", "an export", cfg.overwrite)
    expect_bool("int8", cfg.int8)

    with fast_imports():
        from imbclf.evaluation.fold_files import fold_thresholds
        from imbclf.prediction.export.export import Export
        from imbclf.prediction.export.export_text import export_text
        from imbclf.prediction.export.formats import check_format
        from imbclf.prediction.export.write_export import check_export, write_export

    check_format(cfg.format)
    point = run_point(options, cfg.run)
    threshold = options.threshold_at(point)
    own = (options.tta, options.calibration, options.prior, threshold, point, options.decide)
    wanted = Export(cfg.format, cfg.images, cfg.batch_size, *own)
    check_export(wanted, cfg.int8)
    predictor = load_ensemble(addresses_of(cfg.run), cfg.tracking.uri, cfg.tracking.directory)
    known = _run_images(cfg)
    thresholds = fold_thresholds(Path(str(cfg.run))) if cfg.int8 else None
    summary = write_export(predictor, wanted, out, known, thresholds)
    report_result(
        out / "export.json",
        model=out / f"model.{cfg.format}",
        int8=out / "model.int8.onnx",
        summary=out / "export.json",
    )
    log.info("%s", export_text(summary))
    log.info("\nwritten      %s", out)


def _run_images(cfg: DictConfig) -> "KnownImages | None":
    """Return images of the run; None where `run` is none or its images cannot be read.

    Raises:
        UserError: there are none, and an option needs them.
    """
    from imbclf.evaluation.run_images import sample_run_images
    from imbclf.prediction.export.quantization import CALIBRATION

    run = Path(str(cfg.run))
    is_run = isinstance(cfg.run, str) and (run / "oof.csv").exists()
    if is_run:
        try:
            return sample_run_images(run, cfg.data.dir, cfg.images + CALIBRATION)
        except UserError as error:
            if cfg.int8 or cfg.data.dir is not None:
                raise
            log.warning("checked on random images; those of the run cannot be read: %s", error)
    elif cfg.int8:
        raise UserError(f"int8=true: needs a finished run directory (run=RUN_DIR), not {cfg.run}")
    return None
