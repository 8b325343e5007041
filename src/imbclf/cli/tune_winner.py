"""The end of `imbclf-tune`: train and evaluate the winner, write tables and pages."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial

from imbclf.cli.app.json_result import report_result
from imbclf.cli.app.messages import log, printable
from imbclf.cli.config.build import build_parts, experiment_from, tracked
from imbclf.cli.config.compose import (
    compose_train,
    experiment_yaml,
    image_overrides,
    key_of,
    to_overrides,
)
from imbclf.cli.tune_study import CommandStudy
from imbclf.data.holdout import HOLDOUT
from imbclf.errors import UserError
from imbclf.training.preparation import prepare
from imbclf.tuning.draw import Replay, draw
from imbclf.tuning.importance import importances
from imbclf.tuning.outcome import nothing_finished
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

TABLE_LINES = 20  # on the terminal


def finish_study(study: CommandStudy, arguments: list[str]) -> None:
    """Train and evaluate the winner, unless done before, and write the results of the study.

    Args:
        study: whose trials have ended.
        arguments: as the user typed them.

    Raises:
        UserError: no trial has finished.
    """
    options = study.options
    try:
        with FileLock(options.folder / "winner.lock").acquire(timeout=0):
            trials = ended_trials(study.study)
            winner = best_trial(trials, options.direction)
            if winner is None:
                raise UserError(f"tune.name={options.name}: {nothing_finished(trials)}")
            log.info("\n%s\n", trials_table(trials, options, study.steps, TABLE_LINES))
            log.info("%s", describe_effort(trials, study.steps))
            _evaluate_and_write(study, trials, winner, arguments)
    except Timeout:
        log.info("\nAnother process evaluates the winner")


def _evaluate_and_write(
    study: CommandStudy, trials: list[FrozenTrial], winner: FrozenTrial, arguments: list[str]
) -> None:
    options, folder = study.options, study.options.folder
    drawn = draw(study.space, Replay(winner.params))
    overrides = [*study.given, *to_overrides(drawn)]
    if not study.base.data.holdout:
        overrides.append(f"++cv.fold={study.folds[0]}")
    run = folder / f"winner_{winner.number}"
    if not (run / "summary.json").exists():
        values = " ".join(to_overrides(drawn)).replace("++", "")
        log.info("\nwinner   trial %d: %s\n", winner.number, values)
        _train(study, overrides, run)
    evaluation = _on_holdout(overrides, run) if study.base.data.holdout else None
    winners = len([*folder.glob("winner_*/summary.json")])
    result = winner_result(winner, len(trials), run, evaluation, winners)
    cfg, choices = compose_train(overrides)
    command = next_command(folder / "best.yaml", arguments, image_overrides(cfg, choices))
    header = [printable(command), one_line(result, options.metric)]
    write_text(folder / "best.yaml", experiment_yaml(cfg, choices, study.given, header))
    shares = importances(trials, options.direction)
    text = [*describe_result(result), describe_effort(trials, study.steps)]
    write_trials(folder / "trials.csv", trials, options)
    study_page(trials, options, study.steps, shares, text, command).write(folder / "tune.html")
    numbers = study_summary(trials, options, study.steps, shares)
    write_json(folder / "tune.json", {**numbers, "drawn": drawn, "verdict": asdict(result)})
    report_result(
        folder / "tune.json",
        study=folder,
        recipe=folder / "best.yaml",
        page=folder / "tune.html",
        trials=folder / "trials.csv",
        run=run,
    )
    _log_result(result, folder, run, command)


def _log_result(result: WinnerResult, folder: Path, run: Path, command: str) -> None:
    log.info("\n%s\n", "\n".join(describe_result(result)))
    log.info("page     %s", folder / "tune.html")
    log.info("trials   %s", folder / "trials.csv")
    log.info("run      %s", run)
    log.info("next     %s", command)


def _train(study: CommandStudy, overrides: list[str], run: Path) -> None:
    """Train the winner in its run directory, or resume it."""
    cfg, _ = compose_train(overrides)
    kept = study.options.folder / HOLDOUT
    if kept.exists():  # of a study of version 0.1
        write_text(run / HOLDOUT, kept.read_text(encoding="utf-8"))
    tracker = study.start_tracker()
    with tracked(tracker):
        experiment_from(cfg, tracker.child())(run)


def _on_holdout(overrides: list[str], run: Path) -> dict[str, Any]:
    ready = prepare(build_parts(compose_train(overrides)[0]), run)
    assert ready.held is not None
    return evaluate_on_holdout(run, ready.recipe.parts.data, ready.held, ready.recipe)


def next_command(best: Path, arguments: list[str], images: list[str]) -> str:
    """Return the command that trains the winner's recipe on all images.

    Args:
        best: experiment file with the recipe.
        arguments: as the user typed them.
        images: overrides that name the images, for arguments that leave this to a file.

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
