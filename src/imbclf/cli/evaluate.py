"""`imbclf-evaluate`: judge a run on labeled images that it never saw."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.launch import launch, log, refuse_overwriting, show_messages
from imbclf.cli.config.stored import foreign_calls, load_configuration
from imbclf.cli.config.validation import check
from imbclf.cli.model_addresses import load
from imbclf.errors import UserError

if TYPE_CHECKING:
    from imbclf.data.dataset import LabelledFolder
    from imbclf.data.listing import Listing

OPTIONS = ("ckpt", "data", "out", "overwrite", "tta", "accelerator", "precision", "tracking")
RUN_FILES = ("config.yaml", "splits.csv")


def main() -> None:
    """Run the command."""
    sys.exit(launch("evaluate", task))


def task(cfg: DictConfig) -> None:
    """Judge what the configuration names and write the two files."""
    held_out = cfg.data.dir is None
    if held_out:
        cfg.data.dir = ""  # found in the run's own configuration
    check(cfg, OPTIONS)
    show_messages()
    out = Path(str(cfg.out))
    refuse_overwriting(out, "evaluation.json", "an evaluation", cfg.overwrite)

    with fast_imports():
        from imbclf.evaluation.evaluate import evaluate, evaluation_text
        from imbclf.prediction.scoring import check_precision, pick_device

    check_precision(cfg.precision)
    device = pick_device(cfg.accelerator)
    data, listing = _held_out(cfg) if held_out else _other_images(cfg)
    predictor = load(str(cfg.ckpt), cfg.tracking)
    if predictor.label_names != listing.label_names:
        raise UserError(
            f"data.dir={data.dir}: labels are {listing.label_names}, the run knows "
            f"{predictor.label_names}. Give data.label_map as in training"
        )
    pixels, kept = replace(data, image_size=predictor.image_size).open(listing)
    answer = predictor.predict(
        pixels,
        device,
        cfg.precision,
        data.batch_size,
        cfg.tta,
        progress=True,
    )
    evaluation = evaluate(answer, kept, out)
    log.info("%s", evaluation_text(evaluation))
    log.info("\nevaluation  %s", out / "evaluation.json")


def _held_out(cfg: DictConfig) -> "tuple[LabelledFolder, Listing]":
    """Return the images that a run held out, kept where this command keeps images.

    Where they lie and what they are labeled is read from the run; nothing that it names is called.
    """
    from imbclf.cli.config.error_context import explain_option
    from imbclf.data.dataset import LabelledFolder
    from imbclf.data.holdout import find_holdout
    from imbclf.evaluation.run_images import data_options

    run = _run_of(str(cfg.ckpt)) or Path(str(cfg.ckpt))
    _refuse_foreign_data(run)
    own = {"cache_dir": cfg.data.cache_dir, "batch_size": cfg.data.batch_size}
    with explain_option("data"):
        data = LabelledFolder(**data_options(run), **own)
    return data, find_holdout(run, data.list_files())


def _other_images(cfg: DictConfig) -> "tuple[LabelledFolder, Listing]":
    """Return the labeled images of a folder, which must not be the run's own."""
    data = _folder(cfg.data)
    run = _run_of(str(cfg.ckpt))
    if run is not None:
        from imbclf.evaluation.run_images import data_options

        _refuse_foreign_data(run)
        if Path(data_options(run)["dir"]).resolve() == Path(data.dir).resolve():
            raise UserError(
                f"data.dir={data.dir}: the run was trained on these images, and would look too "
                "good. Its honest result is in summary.json; give images that it never saw"
            )
    return data, data.list_files()


def _run_of(address: str) -> Path | None:
    """Return the run directory that an address is, or that its predictor or checkpoint lies in."""
    if address.startswith(("runs:/", "models:/")):
        return None
    path = Path(address)
    if (path / "config.yaml").exists():
        return path
    above = path.resolve().parents[:2]
    # Of a config.yaml alone anybody's program may have been the author.
    return next((one for one in above if all((one / name).exists() for name in RUN_FILES)), None)


def _refuse_foreign_data(run: Path) -> None:
    """Refuse a run whose images only code of its own could find; of the rest nothing is called.

    Raises:
        UserError: names that code, or there is no readable configuration.
    """
    source = run / "config.yaml"
    data = OmegaConf.masked_copy(load_configuration(run, "ckpt"), ["data"])
    if foreign := foreign_calls(data, source):
        raise UserError(
            f"{source} names code that is not imbclf's, or not for that place: "
            f"{', '.join(foreign)}. imbclf-evaluate reads images by its own code alone"
        )


def _folder(cfg: DictConfig) -> "LabelledFolder":
    from hydra.utils import instantiate

    from imbclf.cli.config.error_context import explain_option
    from imbclf.data.dataset import LabelledFolder

    with explain_option("data"):
        data = instantiate(cfg, _convert_="all")
    assert isinstance(data, LabelledFolder)
    return data
