"""`imbclf-export`: the whole ensemble as one file that needs no imbclf."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.launch import expect_bool, launch, log, refuse_overwriting, show_messages
from imbclf.cli.config.validation import check
from imbclf.cli.model_addresses import load_ensemble
from imbclf.cli.predict import check_numbers, decision_threshold
from imbclf.errors import UserError

if TYPE_CHECKING:
    from imbclf.prediction.export.sample import KnownImages

OPTIONS = (
    "ckpt",
    "format",
    "int8",
    "data",
    "images",
    "batch_size",
    "out",
    "overwrite",
    "tta",
    "calibration",
    "prior",
    "threshold",
    "max_far",
    "max_frr",
    "cost_ratio",
    "tracking",
)
MANIFEST = "export.json"


def main() -> None:
    """Run the command."""
    sys.exit(launch("export", task))


def task(cfg: DictConfig) -> None:
    """Write the file that the configuration asks for, once it has been run and found right."""
    check(cfg, OPTIONS)
    check_numbers(cfg)
    show_messages()
    out = Path(str(cfg.out))
    refuse_overwriting(out, MANIFEST, "an export", cfg.overwrite)
    expect_bool("int8", cfg.int8)

    with fast_imports():
        from imbclf.evaluation.run_directory import fold_thresholds
        from imbclf.prediction.export.export import (
            Export,
            export_int8,
            export_predictor,
            export_text,
            measure_speeds,
        )
        from imbclf.prediction.export.formats import check_format
        from imbclf.prediction.export.verification import drawn_images
        from imbclf.utils.tables import write_json

    check_format(cfg.format)
    if cfg.int8 and cfg.format != "onnx":
        raise UserError(f"int8=true: there is no such thing with format={cfg.format}; choose onnx")
    for name, least in (("images", 2), ("batch_size", 1)):
        if not isinstance(cfg[name], int) or cfg[name] < least:
            raise UserError(f"{name}={cfg[name]}: expected {least} or more images")
    threshold = decision_threshold(cfg)
    predictor = load_ensemble(cfg.ckpt, cfg.tracking)
    own = (cfg.tta, cfg.calibration, cfg.prior, threshold)
    wanted = Export(cfg.format, cfg.images, cfg.batch_size, *own)
    known = _known_images(cfg)
    out.mkdir(parents=True, exist_ok=True)
    # Nothing takes its place in `out` before it has been checked.
    with tempfile.TemporaryDirectory(dir=out, prefix=".export-") as folder:
        partial = Path(folder)
        sheet = export_predictor(predictor, wanted, known, partial)
        if cfg.int8:
            assert known is not None
            sheet["int8"] = export_int8(
                predictor, wanted, known, fold_thresholds(Path(str(cfg.ckpt))), partial
            )
        images = drawn_images(cfg.batch_size, predictor.image_size)
        sheet["speed"] = measure_speeds(predictor, wanted, images, partial)
        for file in sorted(partial.iterdir()):
            file.replace(out / file.name)
    write_json(out / MANIFEST, sheet)
    log.info("%s", export_text(sheet))
    log.info("\nwritten      %s", out)


def _known_images(cfg: DictConfig) -> "KnownImages | None":
    """Return images of the run, None where `ckpt` is no run or its images are gone.

    Raises:
        UserError: there are none, and they cannot be done without.
    """
    from imbclf.evaluation.run_images import sample_run_images
    from imbclf.prediction.export.quantization import CALIBRATION

    run = Path(str(cfg.ckpt))
    is_run = isinstance(cfg.ckpt, str) and (run / "oof.csv").exists()
    if is_run:
        try:
            return sample_run_images(run, cfg.data.dir, cfg.images + CALIBRATION)
        except UserError as error:
            if cfg.int8 or cfg.data.dir is not None:
                raise
            log.warning("checked on drawn images, since those of the run cannot be had: %s", error)
    elif cfg.int8:
        raise UserError(f"int8=true: needs a finished run directory (ckpt=RUN_DIR), not {cfg.ckpt}")
    return None
