"""A study that several processes share and any of them may leave at any time."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from imbclf.errors import UserError
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.samplers_and_pruners import pruner, sampler
from imbclf.utils.renamed import ADDED, OPTIONS, current_name

JOURNAL = "study.log"
AGREED, WORKER, ERROR = "imbclf.agreed", "imbclf.worker", "imbclf.error"
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def open_study(options: TuneOptions, agreed: Mapping[str, Any], seed: int) -> optuna.Study:
    """Begin a study, or go on with the one of that name.

    Args:
        options: its name, where it is kept, what draws and prunes.
        agreed: plain values by name that all its trials have in common.
        seed: what its draws come from.

    Raises:
        UserError: the storage cannot be used, or holds a study of that name about something else.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with exclusive_access(options.folder):
        try:
            study = optuna.create_study(
                study_name=options.name,
                storage=_storage(options),
                sampler=sampler(options, seed),
                pruner=pruner(options),
                direction=options.direction,
                load_if_exists=True,
            )
            stored = study.user_attrs.get(AGREED)
            if stored is None:
                study.set_user_attr(AGREED, json.dumps(agreed))
        except Exception as error:  # drivers of databases raise what they like
            raise UserError(
                f"tune.storage={options.storage}: the study cannot be opened ({error}). Expected "
                "null, sqlite:///FILE or another address of a database whose driver is installed"
            ) from error
    now = json.loads(json.dumps(agreed))
    before = _current(json.loads(stored)) if stored else now
    differing = [
        key for key in sorted({*before, *now}) if before.get(key, ...) != now.get(key, ...)
    ]
    if differing:
        told = "; ".join(f"{key}: {before.get(key)}, now {now.get(key)}" for key in differing)
        raise UserError(
            f"tune.name={options.name}: there is a study of that name with other options ({told}). "
            "Give the same ones to go on with it, or another name"
        )
    return study


def _current(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a study has agreed on, in the names of today."""
    named = {
        OPTIONS.get(key, key): current_name(value) if key.endswith("_target_") else value
        for key, value in stored.items()
    }
    return {**ADDED, **named}


def _storage(options: TuneOptions) -> BaseStorage:
    if options.storage is None:
        journal = options.folder / JOURNAL
        repair_journal(journal)
        # Optuna's own lock stays when its holder is killed, and is then waited for without end.
        lock = FileLock(options.folder / "journal.lock")
        return JournalStorage(JournalFileBackend(str(journal), lock))  # type: ignore[arg-type]
    url = options.storage
    # Processes that write at once wait for each other instead of failing.
    waiting = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else None
    return RDBStorage(url, engine_kwargs=waiting)


def repair_journal(journal: Path) -> None:
    r"""Cut off the half line that a full disk or a kill left at a journal's end.

    >>> import tempfile
    >>> journal = Path(tempfile.mkdtemp()) / "study.log"
    >>> _ = journal.write_text('{"a":1}\n{"a"')
    >>> repair_journal(journal)
    >>> journal.read_text()
    '{"a":1}\n'
    """
    if not journal.exists():
        return
    with journal.open("rb+") as file:
        content = file.read()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)


@contextmanager
def exclusive_access(folder: Path) -> Iterator[None]:
    """Keep other processes of a study from beginning, ending or counting trials meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "study.lock"):
        yield


class Worker:
    """One process of a study; others can see whether it lives.

    It holds a lock that the system takes from it when it dies, however it dies.

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
        """Begin a trial, unless the study has as many as it shall have."""
        with exclusive_access(self.folder):
            self.requeue_dead(study)
            if limit is not None and len(counted(study)) >= limit:
                return None
            trial = study.ask()
            trial.set_user_attr(WORKER, self.name)
            return trial

    def requeue_dead(self, study: optuna.Study) -> None:
        """Have the trials of dead processes drawn again; call it within `exclusive_access`."""
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if not self.lives(trial):
                requeue(study, trial.number, trial.params)

    def lives(self, trial: FrozenTrial) -> bool:
        """Whether a running trial's process lives; one of another machine is taken to."""
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
        """Return back a trial that was begun and not ended, and let go of the lock."""
        with exclusive_access(self.folder):
            for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                if trial.user_attrs.get(WORKER) == self.name:
                    requeue(study, trial.number, trial.params)
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def requeue(study: optuna.Study, number: int, params: Mapping[str, Any]) -> None:
    """End a trial that was broken off, and have the same tried again."""
    study.tell(number, state=TrialState.FAIL)
    if params:
        study.enqueue_trial(dict(params))


def counted(study: optuna.Study) -> Sequence[FrozenTrial]:
    """Return the trials that count: finished, pruned, running, or failed by their own fault."""
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state in (*FINISHED, TrialState.RUNNING) or ERROR in trial.user_attrs
    ]


def best_trial(trials: Sequence[FrozenTrial], direction: str) -> FrozenTrial | None:
    """Return the best of the trials that ran to their end; of equally good ones the first."""
    whole = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    sign = -1 if direction == "maximize" else 1
    return min(
        whole, key=lambda trial: (sign * float(trial.value or 0), trial.number), default=None
    )
