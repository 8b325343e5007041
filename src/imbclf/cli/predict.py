"""`imbclf-predict`: label a folder of images with what `imbclf-train` left."""

import sys
from functools import partial
from math import isnan
from pathlib import Path

from omegaconf import DictConfig

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.launch import launch, log, refuse_overwriting, show_messages
from imbclf.cli.config.validation import check
from imbclf.cli.model_addresses import addresses_of, load_ensemble, peek_size
from imbclf.errors import UserError
from imbclf.utils.background import run_in_background

OPTIONS = (
    "ckpt",
    "data",
    "out",
    "overwrite",
    "tta",
    "calibration",
    "prior",
    "threshold",
    "max_far",
    "max_frr",
    "cost_ratio",
    "accelerator",
    "precision",
    "tracking",
)

COMPANION = "predictions.json"
AIMS = ("max_far", "max_frr", "cost_ratio")


def main() -> None:
    """Run the command."""
    sys.exit(launch("predict", task))


def task(cfg: DictConfig) -> None:
    """Predict what the configuration says and write the two files."""
    check(cfg, OPTIONS)
    check_numbers(cfg)
    show_messages()
    out = Path(str(cfg.out))
    refuse_overwriting(out, "labels.txt", "predictions", cfg.overwrite)

    from hydra.utils import instantiate

    from imbclf.cli.config.error_context import explain_option

    with explain_option("data"):
        data = instantiate(cfg.data)
    size = peek_size(cfg.ckpt)
    # Decoding needs none of what is imported and loaded meanwhile.
    images = None if size is None else run_in_background(partial(data.open, size))

    with fast_imports():
        import numpy as np

        from imbclf.augment.tta import check_tta
        from imbclf.prediction.drift import check_drift
        from imbclf.prediction.scoring import check_precision, pick_device
        from imbclf.utils.files import write_text
        from imbclf.utils.out_of_memory import explain_out_of_memory
        from imbclf.utils.tables import write_json, write_table

    threshold = decision_threshold(cfg)
    check_precision(cfg.precision)
    if cfg.tta is not None:
        check_tta("tta", cfg.tta)
    device = pick_device(cfg.accelerator)
    predictor = load_ensemble(cfg.ckpt, cfg.tracking)
    pixels, listing = data.open(predictor.image_size) if images is None else images()
    with explain_out_of_memory("prediction", data.batch_size):
        answer = predictor.predict(
            pixels,
            device,
            cfg.precision,
            data.batch_size,
            cfg.tta,
            cfg.calibration,
            cfg.prior,
            threshold,
            progress=True,
            fold_norms=True,
        )
    write_table(
        out / "predictions.csv",
        {
            "file": listing.files,
            "score": answer.scores,
            "probability": answer.probabilities,
            "label": answer.labels,
        },
    )
    write_text(out / "labels.txt", "".join(f"{label}\n" for label in answer.labels))
    counts = np.bincount(answer.decisions, minlength=2)
    known = predictor.training_statistics
    look = (
        None
        if known is None
        else check_drift(listing, pixels, answer.logits, predictor.names, known)
    )
    write_json(
        out / COMPANION,
        {
            "ckpt": addresses_of(cfg.ckpt),
            "models": len(predictor.fold_models),
            "images": len(pixels),
            "labels": dict(zip(predictor.label_names, counts.tolist(), strict=True)),
            "tta": predictor.tta if cfg.tta is None else cfg.tta,
            "calibration": cfg.calibration,
            "prior": cfg.prior,
            "threshold": threshold,
            "like_training": None if look is None else not look.warnings,
            "warnings": [] if look is None else [*look.warnings.values()],
            "compared": None if look is None else look.findings,
        },
    )
    zero, one = predictor.label_names
    log.info("models       %d", len(predictor.fold_models))
    told = (len(pixels), counts[0], zero, counts[1], one)
    log.info("images       %d: %d of label %s, %d of label %s", *told)
    log.info("predictions  %s", out / "predictions.csv")
    log.info("labels       %s", out / "labels.txt")
    for warning in () if look is None else look.warnings.values():
        log.warning("possible data drift: %s", warning)


def check_numbers(cfg: DictConfig) -> None:
    """Refuse aims and a prior that are no numbers; their range is judged where they are used.

    Raises:
        UserError: names the option.
    """
    for name in ("prior", "threshold", *AIMS):
        value = cfg[name]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and (not is_number or isnan(value)):
            raise UserError(f"{name}={value}: expected a number, or null")


def decision_threshold(cfg: DictConfig) -> float:
    """Return the score from which label 1 is decided: 0, or as the options say.

    Raises:
        UserError: two options contradict each other, or the run has no out-of-fold scores.
    """
    from imbclf.evaluation.comparison import read_run
    from imbclf.metrics.error_rates import decide, error_rates
    from imbclf.metrics.operating_points import (
        threshold_for_cost,
        threshold_for_far,
        threshold_for_frr,
    )

    given = [name for name in ("threshold", *AIMS) if cfg[name] is not None]
    if not given:
        return 0.0
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)}: expected one of them, each moves the threshold")
    if given == ["threshold"]:
        return float(cfg.threshold)
    if not isinstance(cfg.ckpt, str) or not (Path(cfg.ckpt) / "oof.csv").exists():
        raise UserError(
            f"{given[0]}={cfg[given[0]]}: needs the out-of-fold scores of a run directory "
            f"(ckpt=RUN_DIR with oof.csv); ckpt={cfg.ckpt} has none. Give threshold=... instead"
        )
    oof = read_run(Path(cfg.ckpt)).oof
    by_aim = dict(
        zip(AIMS, (threshold_for_far, threshold_for_frr, threshold_for_cost), strict=True)
    )
    threshold = by_aim[given[0]](oof["score"], oof["label"], float(cfg[given[0]]))
    far, frr = error_rates(decide(oof["score"], threshold), oof["label"])
    told = (threshold, far, frr, given[0], cfg[given[0]])
    log.info("threshold    %.4f: out of fold FAR %.4f, FRR %.4f (%s=%s)", *told)
    return threshold
