"""A worker: one of the processes that share a study."""

import uuid
from pathlib import Path

import optuna
from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial, Trial, TrialState

from imbclf.tuning.study import counted_trials, exclusive_access, requeue

WORKER = "imbclf.worker"  # user attribute of a trial: the worker that runs it


class Worker:
    """One process of a study; the others can check whether it is alive.

    It holds a file lock that the operating system releases when the process ends in any way.

    Args:
        folder: of the study.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, uuid.uuid4().hex
        self._lock = self._lock_of(self.name)
        self._lock.acquire()

    def _lock_of(self, name: str) -> FileLock:
        locks = self.folder / "workers"
        locks.mkdir(parents=True, exist_ok=True)
        return FileLock(locks / f"{name}.lock")

    def ask(self, study: optuna.Study, limit: int | None) -> Trial | None:
        """Begin a trial; return None if the study has `limit` of them."""
        with exclusive_access(self.folder):
            self.requeue_dead(study)
            if limit is not None and len(counted_trials(study)) >= limit:
                return None
            trial = study.ask()
            trial.set_user_attr(WORKER, self.name)
            return trial

    def requeue_dead(self, study: optuna.Study) -> None:
        """Requeue the trials of dead processes; call it within `exclusive_access`."""
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if not self.is_alive(trial):
                requeue(study, trial.number, trial.params)

    def is_alive(self, trial: FrozenTrial) -> bool:
        """Return whether a trial's process is alive; one on another machine is assumed to be."""
        name = trial.user_attrs.get(WORKER)
        if name == self.name:
            return True
        if not isinstance(name, str) or Path(name).name != name:
            return False
        if not (self.folder / "workers" / f"{name}.lock").exists():
            return True
        try:
            with self._lock_of(name).acquire(timeout=0):
                return False
        except Timeout:
            return True

    def leave(self, study: optuna.Study) -> None:
        """Requeue a trial that was begun and not ended, and release the lock."""
        with exclusive_access(self.folder):
            for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                if trial.user_attrs.get(WORKER) == self.name:
                    requeue(study, trial.number, trial.params)
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)
