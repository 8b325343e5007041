"""Studies: opened and resumed by any number of processes at any time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalStorage
from optuna.trial import FrozenTrial, TrialState

from imbclf.errors import UserError
from imbclf.tuning.options import TuneOptions
from imbclf.tuning.samplers_and_pruners import make_pruner, make_sampler
from imbclf.utils.renamed import ADDED, OPTIONS, VALUES, current_name

JOURNAL = "study.log"
AGREED, ERROR = "imbclf.agreed", "imbclf.error"  # user attributes of a study, of a trial
HOLDOUT_BY = "imbclf.holdout_by"  # a user attribute of a study, since version 0.2
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def open_study(options: TuneOptions, common: Mapping[str, Any], seed: int) -> optuna.Study:
    """Create a study, or resume the one of that name.

    Args:
        options: its name, storage, sampler and pruner.
        common: plain values by name that all its trials share.
        seed: of the sampler.

    Raises:
        UserError: the storage cannot be used, or its study of that name has other common values.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with exclusive_access(options.folder):
        try:
            study = optuna.create_study(
                study_name=options.name,
                storage=_storage(options),
                sampler=make_sampler(options, seed),
                pruner=make_pruner(options),
                direction=options.direction,
                load_if_exists=True,
            )
            stored = study.user_attrs.get(AGREED)
            if stored is None:
                study.set_user_attr(AGREED, json.dumps(common))
                study.set_user_attr(HOLDOUT_BY, "names")
        except Exception as error:  # database drivers may raise anything
            raise UserError(
                f"tune.storage={options.storage}: the study cannot be opened ({error}). Expected "
                "null, sqlite:///FILE or another address of a database whose driver is installed"
            ) from error
    now = json.loads(json.dumps(common))
    before = _current(json.loads(stored)) if stored else now
    differing = [
        key for key in sorted({*before, *now}) if before.get(key, ...) != now.get(key, ...)
    ]
    if differing:
        changes = "; ".join(f"{key}: {before.get(key)}, now {now.get(key)}" for key in differing)
        raise UserError(
            f"tune.name={options.name}: a study of that name has other options ({changes}). "
            "Use the same options to resume it, or another name"
        )
    return study


def holds_out_by_seed(study: optuna.Study) -> bool:
    """Return whether a study holds out the images that version 0.1 drew, by a seed."""
    return HOLDOUT_BY not in study.user_attrs


def _current(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a study has agreed on, in the names of today."""
    named = {
        OPTIONS.get(key, key): current_name(value) if key.endswith("_target_") else value
        for key, value in stored.items()
    }
    for key, (former, now) in VALUES.items():
        if named.get(key) == former:
            named[key] = now
    later = {key: value for key, value in ADDED.items() if _target_beside(key) in named}
    return {**later, **named}


def _target_beside(key: str) -> str:
    return f"{key.rpartition('.')[0]}._target_"


def _storage(options: TuneOptions) -> BaseStorage:
    if options.storage is None:
        journal = options.folder / JOURNAL
        repair_journal(journal)
        # Optuna's own lock would remain, and block forever, if its holder is killed.
        lock = FileLock(options.folder / "journal.lock")
        return JournalStorage(JournalFileBackend(str(journal), lock))  # type: ignore[arg-type]
    url = options.storage
    # Concurrent writers wait for each other instead of failing.
    waiting = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else None
    return RDBStorage(url, engine_kwargs=waiting)


def repair_journal(journal: Path) -> None:
    r"""Remove the incomplete line that a full disk or a kill left at the end of a journal.

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
    """Lock a study: other processes wait before they begin, requeue or count trials."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "study.lock"):
        yield


def requeue(study: optuna.Study, number: int, params: Mapping[str, Any]) -> None:
    """Fail an interrupted trial, and enqueue its parameters again."""
    study.tell(number, state=TrialState.FAIL)
    if params:
        study.enqueue_trial(dict(params))


def counted_trials(study: optuna.Study) -> Sequence[FrozenTrial]:
    """Return the trials that count: completed, pruned, running, or failed with an error."""
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.state in (*FINISHED, TrialState.RUNNING) or ERROR in trial.user_attrs
    ]


def ended_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that count and no longer run, in order."""
    return [trial for trial in counted_trials(study) if trial.state is not TrialState.RUNNING]


def best_trial(trials: Sequence[FrozenTrial], direction: str) -> FrozenTrial | None:
    """Return the best completed trial, the first of equal ones, or None."""
    whole = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    sign = -1 if direction == "maximize" else 1
    return min(
        whole, key=lambda trial: (sign * float(trial.value or 0), trial.number), default=None
    )
