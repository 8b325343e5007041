"""Run trials, one after another, until the budget is spent."""

import logging
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic

import optuna
from optuna.trial import Trial, TrialState

from imbclf.errors import DivergedError, Interrupted, UserError
from imbclf.tracking.base import NoTracker, Status, Tracker
from imbclf.tuning.draw import draw
from imbclf.tuning.objective import DevScore, ReportProgress
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.outcome import AUROC, HTER, STEPS, describe_outcome, seconds
from imbclf.tuning.search_space import Scalar, Space
from imbclf.tuning.study import ERROR, FINISHED, best_trial, exclusive_access, requeue
from imbclf.tuning.worker import Worker
from imbclf.utils.files import write_text

log = logging.getLogger("imbclf")
MAX_FAILURES = 3  # in a row
Objective = Callable[[Mapping[str, Scalar], Path, Tracker, ReportProgress], DevScore]


class OutOfTimeError(Exception):
    """The hours are over; the trial is drawn again when the study is resumed."""


def search(
    study: optuna.Study,
    space: Space,
    options: TuneOptions,
    steps: int,
    objective: Objective,
    tracker: Tracker,
) -> int:
    """Run trials until the study has `tune.trials` of them or `tune.hours` have passed.

    Args:
        study: shared with other processes.
        space: the search space.
        options: the budget and the study's folder.
        steps: epochs of a completed trial, for messages.
        objective: called with the drawn values, a folder, the trial's tracker, and a function to
            call after each epoch.
        tracker: of the study, started.

    Returns:
        The number of trials that still run in other processes.

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
            error = _run_trial(study, trial, space, options, end, objective, tracker)
            failed = failed + 1 if error else 0
            _log_trial(study, trial.number, options, steps)
            if failed == MAX_FAILURES:
                raise UserError(f"{failed} trials in a row failed, the last with: {error}")
        with exclusive_access(options.folder):
            worker.requeue_dead(study)
            running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return len(running)
    finally:
        worker.leave(study)


def _run_trial(
    study: optuna.Study,
    trial: Trial,
    space: Space,
    options: TuneOptions,
    end: float | None,
    objective: Objective,
    tracker: Tracker,
) -> str | None:
    """Run one trial; return the message of its error if it failed."""
    folder = options.folder / "trials" / str(trial.number)
    report_progress = _progress_reporter(study, trial, options, end)
    own: Tracker = tracker.child()
    status: Status = "FAILED"
    try:
        drawn = draw(space, trial)
        own = _start_tracker(own, f"{options.name}/trial_{trial.number}", drawn)
        score = objective(drawn, folder, own, report_progress)
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
        # The sampler treats a pruned trial without any value as the worst of all.
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


def _progress_reporter(
    study: optuna.Study, trial: Trial, options: TuneOptions, end: float | None
) -> ReportProgress:
    """Return what a trial calls after each epoch, which ends it if it is no longer worth its time.

    Out of time, a trial is ended only where the study has another that is completed.
    """

    def report_progress(step: int, value: float, is_last: bool) -> None:
        trial.report(value, step)
        if is_last:
            return
        is_over = end is not None and monotonic() >= end
        if is_over and best_trial(study.get_trials(deepcopy=False), options.direction) is not None:
            raise OutOfTimeError
        if trial.should_prune():
            raise optuna.TrialPruned

    return report_progress


def _start_tracker(tracker: Tracker, name: str, params: Mapping[str, Scalar]) -> Tracker:
    """Start a trial's tracker; if that fails, log a warning and continue without one."""
    try:
        tracker.start(name, params)
    except UserError as error:
        log.warning("Trial not tracked: %s", error)
        return NoTracker()
    return tracker


def _log_trial(study: optuna.Study, number: int, options: TuneOptions, steps: int) -> None:
    trials = study.get_trials(deepcopy=False)
    trial, best = trials[number], best_trial(trials, options.direction)
    done = sum(one.state in FINISHED or ERROR in one.user_attrs for one in trials)
    of = f" of {options.trials}" if options.trials else ""
    so_far = "" if best is None else f"best {best.value:.4f} (trial {best.number})"
    log.info(
        "%3d%s  trial %-3d %-26s %7.1f s  %s",
        done,
        of,
        number,
        describe_outcome(trial, steps),
        seconds(trial),
        so_far,
    )
