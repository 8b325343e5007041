"""What `imbclf-tune` ends with: the winner trained and judged, and all of it written down."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial

from imbclf.cli.app.launch import log, printable
from imbclf.cli.config.build import build_parts, experiment_from, tracked
from imbclf.cli.config.compose import as_experiment, as_overrides, composed, key_of, whereabouts
from imbclf.cli.tune_study import CommandStudy
from imbclf.errors import UserError
from imbclf.training.preparation import prepare
from imbclf.tuning.draw import Replay, draw
from imbclf.tuning.importance import importances
from imbclf.tuning.page import study_page
from imbclf.tuning.report import (
    describe_effort,
    study_summary,
    trials_table,
    write_trials,
)
from imbclf.tuning.study import best_trial, ended_trials
from imbclf.tuning.winner import (
    WinnerResult,
    describe_result,
    evaluate_on_holdout,
    one_line,
    winner_result,
)
from imbclf.utils.files import write_text
from imbclf.utils.tables import write_json

LONGEST = 20  # lines of the table on the terminal


def conclude(of: CommandStudy, arguments: list[str]) -> None:
    """Train and judge the winner, unless it was before, and write what the study came to.

    Args:
        of: the study.
        arguments: as the user typed them.

    Raises:
        UserError: no trial ran to its end.
    """
    options = of.options
    try:
        with FileLock(options.folder / "winner.lock").acquire(timeout=0):
            trials = ended_trials(of.study)
            winner = best_trial(trials, options.direction)
            if winner is None:
                raise UserError(
                    f"tune.name={options.name}: no trial has run to its end yet. Go on with more "
                    "tune.hours or tune.trials"
                )
            log.info("\n%s\n", trials_table(trials, options, of.steps, LONGEST))
            log.info("%s", describe_effort(trials, of.steps))
            _judge_and_write(of, trials, winner, arguments)
    except Timeout:
        log.info("\nAnother process judges the winner")


def _judge_and_write(
    of: CommandStudy, trials: list[FrozenTrial], winner: FrozenTrial, arguments: list[str]
) -> None:
    options, folder = of.options, of.options.folder
    drawn = draw(of.space, Replay(winner.params))
    overrides = [*of.given, *as_overrides(drawn)]
    if not of.base.data.holdout:
        overrides.append(f"++cv.fold={of.folds[0]}")
    run = folder / f"winner_{winner.number}"
    if not (run / "summary.json").exists():
        told = " ".join(as_overrides(drawn)).replace("++", "")
        log.info("\nwinner   trial %d: %s\n", winner.number, told)
        _train(of, overrides, run)
    evaluation = _on_holdout(overrides, run) if of.base.data.holdout else None
    looks = len([*folder.glob("winner_*/summary.json")])
    result = winner_result(winner, len(trials), run, evaluation, looks)
    cfg, choices = composed(overrides)
    command = next_command(folder / "best.yaml", arguments, whereabouts(cfg, choices))
    header = [printable(command), one_line(result, options.metric)]
    write_text(folder / "best.yaml", as_experiment(cfg, choices, of.given, header))
    shares = importances(trials, options.direction)
    told_all = [*describe_result(result), describe_effort(trials, of.steps)]
    write_trials(folder / "trials.csv", trials, options)
    study_page(trials, options, of.steps, shares, told_all, command).write(folder / "tune.html")
    numbers = study_summary(trials, options, of.steps, shares)
    write_json(folder / "tune.json", {**numbers, "drawn": drawn, "verdict": asdict(result)})
    _say(result, folder, run, command)


def _say(result: WinnerResult, folder: Path, run: Path, command: str) -> None:
    log.info("\n%s\n", "\n".join(describe_result(result)))
    log.info("page     %s", folder / "tune.html")
    log.info("trials   %s", folder / "trials.csv")
    log.info("run      %s", run)
    log.info("next     %s", command)


def _train(of: CommandStudy, overrides: list[str], run: Path) -> None:
    """Train the winner into its run directory, or go on with it."""
    cfg, _ = composed(overrides)
    tracker = of.start_tracker()
    with tracked(tracker):
        experiment_from(cfg, tracker.child())(run)


def _on_holdout(overrides: list[str], run: Path) -> dict[str, Any]:
    ready = prepare(build_parts(composed(overrides)[0]))
    assert ready.held is not None
    return evaluate_on_holdout(run, ready.recipe.parts.data, ready.held, ready.recipe)


def next_command(best: Path, arguments: list[str], images: list[str]) -> str:
    """Return the command that trains the winner's recipe on all images.

    Args:
        best: the experiment that the recipe is written as.
        arguments: as the user typed them.
        images: overrides that name the images, where the arguments may leave that to a file.

    >>> images = ["data=folder", "data.dir=faces"]
    >>> next_command(Path("s/best.yaml"), ["search=quick", "data.dir=my faces"], images)
    "imbclf-train experiment=s/best.yaml data=folder 'data.dir=my faces'"
    """
    typed = {key_of(argument) for argument in arguments}
    kept = [override for override in images if key_of(override) not in typed]
    for place, argument in enumerate(arguments):
        key = argument.partition("=")[0].lstrip("+")
        of_data = key.split(".")[0] in ("data", "tracking", "seed") and key != "data.holdout"
        flag = argument.startswith(("--config-dir", "-cd"))
        value_of_flag = place > 0 and arguments[place - 1] in ("--config-dir", "-cd")
        if of_data or flag or value_of_flag or key.endswith("._target_"):
            kept.append(argument)
    return shlex.join(["imbclf-train", f"experiment={best}", *kept])
