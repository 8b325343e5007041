"""`imbclf-evaluate`: evaluate a run on labeled images that it never saw."""

import sys
from pathlib import Path

from omegaconf import DictConfig

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.json_result import report_result
from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.config.checks import refuse_overwriting
from imbclf.cli.config.decision import decision_options, run_point
from imbclf.cli.config.error_context import explain_option
from imbclf.cli.config.validation import check


def main() -> None:
    """Run the command."""
    sys.exit(launch("evaluate", task, ("run", "data.dir")))


def task(cfg: DictConfig) -> None:
    """Evaluate a predictor and write `evaluation.json` and `predictions.csv`."""
    held_out = cfg.data.dir is None
    if held_out:
        cfg.data.dir = ""  # read from the run's configuration below
    check(cfg, "evaluate")
    options = decision_options(cfg)
    configure_logging()
    out, address = Path(str(cfg.out)), str(cfg.run)
    refuse_overwriting(out, "evaluation.json", "an evaluation", cfg.overwrite)

    with fast_imports():
        from hydra.utils import instantiate

        from imbclf.evaluation.evaluate import evaluation_text
        from imbclf.evaluation.evaluate_unseen import evaluate_unseen
        from imbclf.evaluation.evaluation_details import evaluation_details
        from imbclf.evaluation.unseen_images import held_out_images, other_images, run_of
        from imbclf.prediction.referral import Referral
        from imbclf.prediction.scoring import check_precision, pick_device
        from imbclf.tracking.addresses import load_predictor

    check_precision(cfg.precision)
    device = pick_device(cfg.accelerator)
    run = run_of(address)
    with explain_option("data"):
        data = instantiate(cfg.data, _convert_="all")
    if held_out:
        data, listing = held_out_images(run or Path(address), data.cache_dir, data.batch_size)
    else:
        listing = other_images(data, run)
        for line in listing.account.lines():
            log.info("%s", line)
    point = run_point(options, cfg.run)
    predictor = load_predictor(address, cfg.tracking.uri, cfg.tracking.directory)
    evaluation = evaluate_unseen(
        predictor,
        data,
        listing,
        options,
        point,
        device,
        cfg.precision,
        out,
        run,
        cfg.positive,
        cfg.prevalence,
    )
    report_result(
        out / "evaluation.json",
        evaluation=out / "evaluation.json",
        predictions=out / "predictions.csv",
    )
    log.info("%s", evaluation_text(evaluation))
    threshold = options.threshold_at(point)
    positive = evaluation["detection"]["positive"]
    band = point.band if isinstance(point, Referral) else None
    log.info("%s", predictor.labeling_rule(options, threshold, positive, band).sentence)
    log.info("\n%s", evaluation_details(evaluation))
    log.info("\nevaluation  %s", out / "evaluation.json")
