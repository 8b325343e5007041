"""`imbclf-evaluate`: evaluate a run on labeled images that it never saw."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.json_result import report_result
from imbclf.cli.app.launch import launch
from imbclf.cli.app.messages import configure_logging, log
from imbclf.cli.config.checks import refuse_overwriting, refuse_swapped
from imbclf.cli.config.decision import decision_options, run_point
from imbclf.cli.config.error_context import explain_option
from imbclf.cli.config.validation import check

if TYPE_CHECKING:
    from imbclf.data.dataset import LabelledFolder
    from imbclf.data.listing import Listing


def main() -> None:
    """Run the command."""
    sys.exit(launch("evaluate", task, ("run", "data.dir")))


def task(cfg: DictConfig) -> None:
    """Evaluate a predictor and write `evaluation.json` and `predictions.csv`."""
    held_out = cfg.data.dir is None
    if held_out:
        cfg.data.dir = ""  # read from the run's configuration below
    check(cfg, "evaluate")
    refuse_swapped("imbclf-evaluate", cfg.run, cfg.data.dir)
    options = decision_options(cfg)
    configure_logging()
    out, address = Path(str(cfg.out)), str(cfg.run)
    refuse_overwriting(out, "evaluation.json", "an evaluation", cfg.overwrite)

    with fast_imports():
        from imbclf.evaluation.evaluate_unseen import evaluate_unseen
        from imbclf.evaluation.unseen_images import run_of
        from imbclf.prediction.referral import Referral
        from imbclf.prediction.scoring import check_precision, pick_device
        from imbclf.tracking.addresses import load_predictor

    check_precision(cfg.precision)
    device = pick_device(cfg.accelerator)
    run = run_of(address)
    data, listing = _unseen_images(cfg.data, held_out, run, address)
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
    positive = evaluation["detection"]["positive"]
    band = point.band if isinstance(point, Referral) else None
    rule = predictor.labeling_rule(options, options.threshold_at(point), positive, band)
    _report(evaluation, rule.sentence, out)


def _unseen_images(
    options: DictConfig, held_out: bool, run: Path | None, address: str
) -> "tuple[LabelledFolder, Listing]":
    """Return the images that the run held out, or those of the folder that the options name."""
    from hydra.utils import instantiate

    from imbclf.evaluation.unseen_images import held_out_images, other_images

    with explain_option("data"):
        data = instantiate(options, _convert_="all")
    if held_out:
        return held_out_images(run or Path(address), data.cache_dir, data.batch_size)
    listing = other_images(data, run)
    for line in listing.account.lines():
        log.info("%s", line)
    return data, listing


def _report(evaluation: dict[str, Any], rule: str, out: Path) -> None:
    """Report the result, the rule that decided and the files."""
    from imbclf.evaluation.evaluate import evaluation_text
    from imbclf.evaluation.evaluation_details import evaluation_details

    result = out / "evaluation.json"
    report_result(result, evaluation=result, predictions=out / "predictions.csv")
    log.info("%s", evaluation_text(evaluation))
    log.info("%s", rule)
    log.info("\n%s", evaluation_details(evaluation))
    log.info("\nevaluation  %s", result)
