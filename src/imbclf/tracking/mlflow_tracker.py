"""Experiment tracking in MLflow: one run per experiment, one nested run per fold."""

import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Concatenate, ParamSpec

from imbclf.tracking.mlflow_models import MODEL, log_model, save_model
from imbclf.tracking.mlflow_store import embedded_uri, open_store, process_tags, summary
from imbclf.tracking.store_address import chosen_uri, without_password

# isort: split
# After the store, which sets what MLflow reads when it is imported.
import numpy as np
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.tracking.base import NoTracker, Scalar, Status, Tracker
from imbclf.tracking.provenance import DataSet, source_tags

P = ParamSpec("P")

log = logging.getLogger("imbclf")
DEFAULT_EXPERIMENT = "imbclf"
DESCRIPTION = "mlflow.note.content"  # Markdown, shown as the description of a run


def never_fatal(
    method: Callable[Concatenate["MLflowTracker", P], None],
) -> Callable[Concatenate["MLflowTracker", P], None]:
    """Catch all errors of `method`: the first is logged as a warning and ends the tracking."""

    @wraps(method)
    def guarded(self: "MLflowTracker", /, *args: P.args, **kwargs: P.kwargs) -> None:
        if not self.lost:
            try:
                method(self, *args, **kwargs)
            except Exception as error:
                self.lose(error)

    return guarded


class MLflowTracker:
    """A `Tracker` that writes to MLflow, through explicit ids and not the global active run.

    Args:
        uri: Tracking URI of the user's store; None for that of MLFLOW_TRACKING_URI, else the
            embedded one in `directory`: `mlflow.db` (SQLite) and `artifacts/`.
        experiment: Name of the MLflow experiment; created if it does not exist. None for imbclf.
        directory: The directory of the embedded store and of the lock for opening a store.
        run_name: Name of the run; None for that of the run directory.
        tags: Tags of the run and of those of its folds, values by name.
        command: That gives the run, for its description; None if unknown.

    Raises:
        UserError: `tags` is no mapping.

    >>> import tempfile
    >>> tracker = MLflowTracker(None, "faces", Path(tempfile.mkdtemp()))
    >>> run_id = tracker.start("resnet18", {"loss": "focal", "loss.gamma": 2.0})
    >>> tracker.start_fold(0)
    >>> tracker.log_epoch(1, {"train/loss": 0.61, "dev/hter": 0.12})
    >>> tracker.end_fold({"test/hter": 0.13})
    >>> tracker.end("FINISHED")
    """

    def __init__(
        self,
        uri: str | None,
        experiment: str | None,
        directory: Path | str,
        run_name: str | None = None,
        tags: Mapping[str, Scalar] | None = None,
        command: str | None = None,
    ) -> None:
        if tags is not None and not isinstance(tags, Mapping):
            raise UserError(f"tracking.tags={tags}: expected tracking.tags.NAME=VALUE")
        self._uri = chosen_uri(uri)
        self._run_name = None if run_name is None else str(run_name)
        self._tags = {str(key): str(value) for key, value in (tags or {}).items()}
        self._experiment_name = experiment or DEFAULT_EXPERIMENT
        self._command = command
        self._directory = Path(directory).resolve()
        self._open_runs: list[str] = []  # the experiment's, then the current fold's
        self._parent: str | None = None
        self._data: DataSet | None = None
        self._result: list[Metric] = []
        self.lost = False

    def child(self) -> Tracker:
        """Return a tracker whose run is nested under this one's, which has to be started."""
        if self.lost:
            return NoTracker()
        own = MLflowTracker(self._uri, self._experiment_name, self._directory, tags=self._tags)
        own._parent = self._open_runs[0]
        return own

    def start(self, name: str, params: Mapping[str, Scalar], run_id: str | None = None) -> str:
        """Open the store and start the experiment's run, or resume run `run_id`.

        Parameters that `run_id` already has are kept: MLflow does not change them.

        Raises:
            UserError: The store cannot be opened or written, or has no run `run_id`.
        """
        self._name, self._params = self._run_name or name, dict(params)
        try:
            self._client, self._experiment_id = open_store(
                self._uri, self._experiment_name, self._directory
            )
            nested = {} if self._parent is None else {"mlflow.parentRunId": self._parent}
            self._begin(self._name, self._params, {**nested, "imbclf.run": name}, run_id)
            if run_id is None:
                self._describe([])
        except UserError:
            raise
        except Exception as error:
            where = without_password(self._uri or embedded_uri(self._directory))
            raise UserError(
                f"tracking.uri={where} cannot be used: {summary(error)}. "
                "Set the address of a working store, or train without tracking: tracking=none"
            ) from error
        return self._open_runs[0]

    @never_fatal
    def log_data(self, data: DataSet) -> None:
        """Record the images of the experiment's run as its data set."""
        self._data = data
        source = json.dumps({"uri": data.folder.as_uri()})
        logged = Dataset(data.name, data.digest, "local", source, profile=data.profile)
        context = [InputTag("mlflow.data.context", "training")]
        self._client.log_inputs(self._open_runs[0], [DatasetInput(logged, context)])

    @never_fatal
    def start_fold(self, fold: int) -> None:
        """Start the run of one fold, or resume it if the experiment already has it."""
        tags = {"mlflow.parentRunId": self._open_runs[0], "imbclf.fold": str(fold)}
        known = self._client.search_runs(
            [self._experiment_id], " AND ".join(f"tags.`{key}` = '{tags[key]}'" for key in tags)
        )
        run_id = known[0].info.run_id if known else None
        self._begin(f"{self._name}/fold_{fold}", {**self._params, "fold": fold}, tags, run_id)

    @never_fatal
    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Record one epoch of the current fold, from 1, in one write; skip non-finite values."""
        self._log_metrics(metrics, epoch)

    @never_fatal
    def end_fold(self, metrics: Mapping[str, float]) -> None:
        """Record the final metrics of the current fold and end its run, if one is open."""
        if len(self._open_runs) == 2:
            self._log_metrics(metrics, 0)
            self._client.set_terminated(self._open_runs.pop(), "FINISHED")

    @never_fatal
    def log_result(self, metrics: Mapping[str, float], files: Sequence[Path]) -> None:
        """Record the experiment's final metrics, its files and a description with its HTER."""
        self._result = self._log_metrics(metrics, 0)
        if {"test/hter", "test/hter_low", "test/hter_high"} <= set(metrics):
            hter, low, high = (metrics[f"test/hter{end}"] for end in ("", "_low", "_high"))
            self._describe([f"HTER {hter:.1%} (95 % interval {low:.1%} to {high:.1%})"])
        for file in files:
            self._client.log_artifact(self._open_runs[0], str(file))

    @never_fatal
    def log_model(self, predictor: Path, example: NDArray[np.uint8]) -> None:
        """Record the folder `predictor` as the experiment's model, `runs:/<run id>/model`.

        `mlflow.pyfunc.load_model` loads it without pickle; it takes uint8 images [N, H, W, 3] and
        returns a DataFrame of score, probability and label. The experiment's final metrics are
        linked to it.
        """
        save, run_id = partial(save_model, predictor, example), self._open_runs[0]
        model_id = log_model(self._client, self._experiment_id, run_id, MODEL, save)
        data = (
            {}
            if self._data is None
            else {"dataset_name": self._data.name, "dataset_digest": self._data.digest}
        )
        linked = [  # of the same time, so that the run does not have them twice
            Metric(one.key, one.value, one.timestamp, one.step, model_id, run_id=run_id, **data)
            for one in self._result
        ]
        if linked:
            self._client.log_batch(run_id, metrics=linked)

    def end(self, status: Status) -> None:
        """End the experiment's run and that of an open fold, even after an error."""
        while self._open_runs:
            try:
                self._client.set_terminated(self._open_runs.pop(), status)
            except Exception as error:
                self.lose(error)

    def lose(self, error: Exception) -> None:
        """Stop tracking because of `error` and log it, once."""
        if not self.lost:
            log.warning("tracking stopped, training continues: %s", summary(error))
        self.lost = True

    def _begin(
        self, name: str, params: Mapping[str, Scalar], tags: Mapping[str, str], run_id: str | None
    ) -> None:
        """Make `run_id` (None: a new run) the current run, owned by this process."""
        tags = {**self._tags, **tags, **process_tags()}
        if run_id is None:
            tags |= source_tags(self._command)
            run = self._client.create_run(self._experiment_id, run_name=name, tags=tags)
        else:
            self._client.update_run(run_id, status="RUNNING")
            run = self._client.get_run(run_id)
            self._experiment_id = run.info.experiment_id
            if not self._open_runs:  # the experiment's; its folds are named after it
                self._name = str(run.info.run_name)
            for key, value in tags.items():
                self._client.set_tag(run_id, key, value)
        self._open_runs.append(run.info.run_id)
        new = [Param(key, str(params[key])) for key in params if key not in run.data.params]
        self._client.log_batch(run.info.run_id, params=new)

    def _describe(self, lines: Sequence[str]) -> None:
        """Set the description of the experiment's run: some lines and the command."""
        known = self._client.get_run(self._open_runs[0]).data.tags.get(DESCRIPTION, "")
        command = [f"    {self._command}"] if self._command else known.split("\n")[-1:]
        text = "\n\n".join([*lines, *filter(None, command)])
        if text:
            self._client.set_tag(self._open_runs[0], DESCRIPTION, text)

    def _log_metrics(self, metrics: Mapping[str, float], step: int) -> list[Metric]:
        now = int(time.time() * 1000)
        finite = {key: float(value) for key, value in metrics.items() if math.isfinite(value)}
        logged = [Metric(key, value, now, step) for key, value in finite.items()]
        self._client.log_batch(self._open_runs[-1], metrics=logged)
        return logged
