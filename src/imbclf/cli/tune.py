"""`imbclf-tune`: search for a better recipe on dev parts, judge the winner where nobody looked."""

import shlex
import sys
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.launch import MISTAKE, launch, log, show_messages
from imbclf.cli.app.signals import stop_asking
from imbclf.cli.config.compose import as_overrides, composed, key_of
from imbclf.cli.config.validation import adopt_targets, check
from imbclf.errors import Interrupted, UserError

if TYPE_CHECKING:
    from imbclf.tuning.options import TuneOptions
    from imbclf.tuning.search_space import Space

OWN = ("tune", "search")
# What decides which images a trial is judged on, or where things lie.
SAME_FOR_ALL = (
    *("cv.fold", "cv.folds", "cv.repeats", "cv.dev_fraction", "seed", "tracking"),
    *("data.dir", "data.images", "data.labels", "data.label_map", "data.holdout"),
)


def main() -> None:
    """Run the command."""
    arguments = sys.argv[1:]
    if {"-m", "--multirun"} & set(arguments):
        print(
            "imbclf-tune: error: a search is no sweep: leave -m out, and give several values as "
            "search.KEY.choices=[...]",
            file=sys.stderr,
        )
        sys.exit(MISTAKE)
    sys.exit(launch("tune", partial(task, arguments)))


def task(arguments: list[str], cfg: DictConfig) -> None:
    """Search as the configuration says, or go on with the study of that name.

    Args:
        arguments: as the user typed them.
        cfg: composed of them.
    """
    from hydra.core.hydra_config import HydraConfig

    overrides = [str(override) for override in HydraConfig.get().overrides.task]
    adopt_targets(cfg, overrides)
    check(cfg, "tune")
    options, space = options_of(cfg), space_of(cfg, overrides)
    given = [
        *(one for one in overrides if key_of(one).split(".")[0] not in OWN),
        f"++data.holdout={cfg.data.holdout}",
    ]
    check_space(space, given)
    if find_spec("optuna") is None:
        raise UserError('imbclf-tune needs Optuna: pip install "imbclf[tune]"')
    show_messages(options.folder / "tune.log")

    with fast_imports():
        from imbclf.cli.tune_study import CommandStudy
        from imbclf.cli.tune_winner import conclude

    try:
        study = CommandStudy(options, space, given)
        if study.run():
            conclude(study, arguments)
    except Interrupted:
        stop_asking()
        log.info("\nStopped. Finished trials are kept in %s", options.folder)
        log.info("go on    %s", go_on(arguments, options))
        raise


def options_of(cfg: DictConfig) -> "TuneOptions":
    """Build the options of the study.

    Raises:
        UserError: one of them is out of range, or contradicts the data's.
    """
    from imbclf.tuning.options import TuneOptions

    values: dict[str, Any] = {str(key): value for key, value in cfg.tune.items() if key[0] != "_"}
    options = TuneOptions(**values)
    if options.folds > 1 and not cfg.data.holdout:
        raise UserError(
            f"tune.folds={options.folds} with data.holdout=0: the test part of one fold is dev of "
            "another, so that no image is left to judge the winner on. Give data.holdout=0.2, or "
            "tune.folds=1"
        )
    if options.folds > cfg.cv.folds * cfg.cv.repeats:
        raise UserError(f"tune.folds={options.folds}: expected at most cv.folds={cfg.cv.folds}")
    return options


def space_of(cfg: DictConfig, overrides: list[str]) -> "Space":
    """Read what is varied; what is given is not.

    Raises:
        UserError: nothing is left, or it is not what a space looks like.
    """
    from imbclf.tuning.search_space import drop_given, example_draws, read_space

    given = {key_of(one): one.partition("=")[2] for one in overrides}
    node = OmegaConf.to_container(cfg.search, resolve=True)
    assert isinstance(node, dict)
    space = drop_given(read_space({str(key): value for key, value in node.items()}), given)
    kinds = [key for one in example_draws(space) for key in one if key.startswith(SAME_FOR_ALL)]
    if kinds:
        raise UserError(f"search.{kinds[0]}: has to be the same for all trials of a study")
    if not space:
        raise UserError("search: nothing is left to vary. Choose another search=..., or give less")
    return space


def check_space(space: "Space", given: list[str]) -> None:
    """Compose one configuration for each choice, so that no trial meets an unknown option.

    Raises:
        UserError: as `check`, and says what was drawn.
    """
    from imbclf.tuning.search_space import example_draws

    for drawn in example_draws(space):
        try:
            check(composed([*given, *as_overrides(drawn)])[0], "train")
        except UserError as error:
            told = " ".join(as_overrides(drawn)).replace("++", "")
            raise UserError(f"search: with {told}: {error}") from error


def go_on(arguments: list[str], options: "TuneOptions") -> str:
    """Return the command that goes on with a study."""
    others = [one for one in arguments if not one.startswith("tune.name=")]
    return shlex.join(["imbclf-tune", *others, f"tune.name={options.name}"])
