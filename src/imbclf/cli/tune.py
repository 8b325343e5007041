"""`imbclf-tune`: search for a better recipe on dev parts, evaluate the winner on unseen images."""

import shlex
import sys
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from imbclf.cli.app.fast_imports import fast_imports
from imbclf.cli.app.json_result import as_json, report_error
from imbclf.cli.app.launch import EXIT_USER_ERROR, launch
from imbclf.cli.app.messages import configure_logging, log, log_if_demo
from imbclf.cli.app.signals import acknowledge_interrupt
from imbclf.cli.config.compose import compose_train, key_of, to_overrides
from imbclf.cli.config.validation import check, drop_stale_options
from imbclf.errors import Interrupted, UserError
from imbclf.utils.install_line import install_line

if TYPE_CHECKING:
    from imbclf.tuning.options import TuneOptions
    from imbclf.tuning.search_space import Space

STUDY_GROUPS = ("tune", "search")
# Decides which images a trial is evaluated on, or where files are.
SAME_FOR_ALL = (
    *("cv.fold", "cv.folds", "cv.repeats", "cv.dev_fraction", "seed", "tracking"),
    *("data.dir", "data.holdout", "data.images", "data.labels", "data.label_map", "data.file"),
    *("data.label", "data.positive", "data.drop", "data.names", "data.group", "data.part"),
    *("data.test", "data.suffix", "data.strip", "data.missing", "data.duplicates"),
    *("data.unlisted", "data.include", "data.exclude", "data.order"),
)


def main() -> None:
    """Run the command."""
    sys.exit(as_json("imbclf-tune", _run))


def _run() -> int:
    arguments = sys.argv[1:]
    if {"-m", "--multirun"} & set(arguments):
        problem = (
            "-m: a search is not a sweep; remove it and list several values as "
            "search.KEY.choices=[...]"
        )
        report_error(problem)
        print(f"imbclf-tune: error: {problem}", file=sys.stderr)
        return EXIT_USER_ERROR
    return launch("tune", partial(task, arguments), ("data.dir",))


def task(arguments: list[str], cfg: DictConfig) -> None:
    """Run a study, or resume the one of that name.

    Args:
        arguments: as the user typed them.
        cfg: the configuration composed from them.
    """
    from hydra.core.hydra_config import HydraConfig

    overrides = [str(override) for override in HydraConfig.get().overrides.task]
    drop_stale_options(cfg, overrides)
    check(cfg, "tune")
    if HydraConfig.get().job.chdir:
        raise UserError("hydra.job.chdir=true: a study stays where it is started; remove it")
    options, space = options_of(cfg), space_of(cfg, overrides)
    given = [
        *(one for one in overrides if key_of(one).split(".")[0] not in STUDY_GROUPS),
        f"++data.holdout={cfg.data.holdout}",
    ]
    check_space(space, given)
    if find_spec("optuna") is None:
        raise UserError(f"imbclf-tune needs Optuna: {install_line('tune')}")
    configure_logging(options.folder / "tune.log")
    log_if_demo(cfg, "imbclf-tune")

    with fast_imports():
        from imbclf.cli.tune_study import CommandStudy
        from imbclf.cli.tune_winner import finish_study

    try:
        study = CommandStudy(options, space, given)
        if study.run():
            finish_study(study, arguments)
    except Interrupted:
        acknowledge_interrupt()
        log.info("\nInterrupted. Finished trials are kept in %s", options.folder)
        log.info("resume with  %s", resume_command(arguments, options))
        raise


def options_of(cfg: DictConfig) -> "TuneOptions":
    """Build the options of the study.

    Raises:
        UserError: one of them is out of range, or contradicts an option of `data` or `cv`.
    """
    from imbclf.tuning.options import TuneOptions

    values: dict[str, Any] = {str(key): value for key, value in cfg.tune.items() if key[0] != "_"}
    options = TuneOptions(**values)
    if options.folds > 1 and not cfg.data.holdout:
        raise UserError(
            f"tune.folds={options.folds} with data.holdout=0: the test part of one fold is dev of "
            "another, which leaves no unseen image to evaluate the winner on; use data.holdout=0.2 "
            "or tune.folds=1"
        )
    if options.folds > cfg.cv.folds * cfg.cv.repeats:
        raise UserError(f"tune.folds={options.folds}: expected at most cv.folds={cfg.cv.folds}")
    return options


def space_of(cfg: DictConfig, overrides: list[str]) -> "Space":
    """Return the search space, without options that the command line fixes.

    Raises:
        UserError: the space is malformed, or nothing is left to vary.
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
        raise UserError(
            "search: nothing is left to vary; use another search=... or fix fewer options"
        )
    return space


def check_space(space: "Space", given: list[str]) -> None:
    """Compose and check one configuration for each choice, before the first trial.

    Raises:
        UserError: as `check`, with the values drawn.
    """
    from imbclf.tuning.search_space import example_draws

    for drawn in example_draws(space):
        try:
            check(compose_train([*given, *to_overrides(drawn)])[0], "train")
        except UserError as error:
            values = " ".join(to_overrides(drawn)).replace("++", "")
            raise UserError(f"search: with {values}: {error}") from error


def resume_command(arguments: list[str], options: "TuneOptions") -> str:
    """Return the command that resumes a study."""
    others = [one for one in arguments if not one.startswith("tune.name=")]
    return shlex.join(["imbclf-tune", *others, f"tune.name={options.name}"])
