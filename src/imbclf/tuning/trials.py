"""Trial after trial, until the budget is spent."""

import logging
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from imbclf.errors import DivergedError, Interrupted, UserError
from imbclf.tracking.base import NoTracker, Status, Tracker
from imbclf.tuning.objective import DevScore, Tell
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.search_space import Scalar, Space, draw
from imbclf.tuning.study import (
    ERROR,
    FINISHED,
    Worker,
    best_trial,
    counted,
    exclusive_access,
    requeue,
)
from imbclf.utils.files import write_text

log = logging.getLogger("imbclf")
HTER, AUROC, STEPS = "imbclf.hter", "imbclf.auroc", "imbclf.steps"
IN_A_ROW = 3
Objective = Callable[[Mapping[str, Scalar], Path, Tracker, Tell], DevScore]


class OutOfTimeError(Exception):
    """The hours are over; the trial is drawn again when the study goes on."""


def search(
    study: optuna.Study,
    space: Space,
    options: TuneOptions,
    steps: int,
    objective: Objective,
    tracker: Tracker,
) -> int:
    """Run trials until the study has `tune.trials` of them or this call had `tune.hours`.

    Args:
        study: shared with other processes.
        space: what is varied.
        options: the budget and the study's folder.
        steps: epochs of a whole trial, for the display.
        objective: called with what was drawn, a folder, the trial's tracker, and what to tell after
            each epoch.
        tracker: of the study, started.

    Returns:
        How many trials still run in other processes.

    Raises:
        UserError: three trials in a row failed.
    """
    end = None if options.hours is None else monotonic() + 3600 * options.hours
    worker, failed = Worker(options.folder), 0
    try:
        while end is None or monotonic() < end:
            trial = worker.ask(study, options.trials)
            if trial is None:
                break
            error = _run(study, trial, space, options, end, objective, tracker)
            failed = failed + 1 if error else 0
            _show(study, trial.number, options, steps)
            if failed == IN_A_ROW:
                raise UserError(f"{failed} trials in a row failed, the last one so: {error}")
        with exclusive_access(options.folder):
            worker.requeue_dead(study)
            running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return len(running)
    finally:
        worker.leave(study)


def _run(
    study: optuna.Study,
    trial: Trial,
    space: Space,
    options: TuneOptions,
    end: float | None,
    objective: Objective,
    tracker: Tracker,
) -> str | None:
    """Run one trial to whatever end; return the message of an error of its own."""
    folder = options.folder / "trials" / str(trial.number)

    def tell(step: int, value: float, is_last: bool) -> None:
        trial.report(value, step)
        if is_last:
            return
        over = end is not None and monotonic() >= end
        if over and best_trial(study.get_trials(deepcopy=False), options.direction) is not None:
            raise OutOfTimeError
        if trial.should_prune():
            raise optuna.TrialPruned

    own: Tracker = tracker.child()
    status: Status = "FAILED"
    try:
        drawn = draw(space, trial)
        own = start(own, f"{options.name}/trial_{trial.number}", drawn)
        score = objective(drawn, folder, own, tell)
        for name, value in ((HTER, score.hter), (AUROC, score.auroc), (STEPS, score.steps)):
            trial.set_user_attr(name, value)
        own.log_result({"dev/hter": score.hter, "dev/auroc": score.auroc, "pruned": 0.0}, [])
        study.tell(trial, score.value)
        status = "FINISHED"
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
        own.end_fold({})
        own.log_result({"pruned": 1.0}, [])
        status = "FINISHED"
    except DivergedError as error:
        trial.set_user_attr(ERROR, str(error))
        # To the sampler a trial without any value is the worst of all: it looks elsewhere.
        study.tell(trial, state=TrialState.PRUNED)
    except OutOfTimeError:
        requeue(study, trial.number, trial.params)
        status = "KILLED"
    except Interrupted:
        requeue(study, trial.number, trial.params)
        status = "KILLED"
        raise
    except Exception as error:
        message = str(error) if isinstance(error, UserError) else repr(error)
        write_text(folder / "error.txt", "".join(traceback.format_exception(error)))
        trial.set_user_attr(ERROR, message)
        study.tell(trial, state=TrialState.FAIL)
        return message
    finally:
        own.end(status)
    return None


def start(tracker: Tracker, name: str, params: Mapping[str, Scalar]) -> Tracker:
    """Start a trial's tracker; where that fails, go on without one."""
    try:
        tracker.start(name, params)
    except UserError as error:
        log.warning("Trial not recorded: %s", error)
        return NoTracker()
    return tracker


def _show(study: optuna.Study, number: int, options: TuneOptions, steps: int) -> None:
    trials = study.get_trials(deepcopy=False)
    trial, best = trials[number], best_trial(trials, options.direction)
    done = sum(one.state in FINISHED or ERROR in one.user_attrs for one in trials)
    of = f" of {options.trials}" if options.trials else ""
    seconds = 0.0 if trial.duration is None else trial.duration.total_seconds()
    so_far = "" if best is None else f"best {best.value:.4f} (trial {best.number})"
    log.info(
        "%3d%s  trial %-3d %-26s %7.1f s  %s",
        done,
        of,
        number,
        outcome(trial, steps),
        seconds,
        so_far,
    )


def outcome(trial: FrozenTrial, steps: int) -> str:
    """Say in few words how a trial ended.

    >>> from optuna.trial import create_trial
    >>> outcome(create_trial(value=0.9312), 8)
    '0.9312'
    >>> outcome(create_trial(state=TrialState.PRUNED, intermediate_values={3: 0.7}), 8)
    '0.7000, pruned at 3/8'
    """
    if trial.state is TrialState.COMPLETE:
        return f"{trial.value:.4f}"
    if ERROR in trial.user_attrs:
        return "diverged" if trial.state is TrialState.PRUNED else "failed"
    if trial.state is not TrialState.PRUNED or trial.last_step is None:
        return trial.state.name.lower() if trial.state is not TrialState.FAIL else "broken off"
    value = trial.intermediate_values[trial.last_step]
    return f"{value:.4f}, pruned at {trial.last_step}/{steps}"


def steps_done(trial: FrozenTrial) -> int:
    """Return how many epochs a trial trained.

    >>> from optuna.trial import create_trial
    >>> steps_done(create_trial(value=0.9, user_attrs={STEPS: 8}))
    8
    """
    return int(trial.user_attrs.get(STEPS) or trial.last_step or 0)


def judged(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that count and no longer run, in order."""
    return [trial for trial in counted(study) if trial.state is not TrialState.RUNNING]
