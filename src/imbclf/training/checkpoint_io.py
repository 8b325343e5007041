"""Checkpoint files: written atomically, in the background of training."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning_utilities.core.apply_func import apply_to_collection
from torch.serialization import get_crc32_options, set_crc32_options

from imbclf.errors import Interrupted, UserError
from imbclf.utils.background import start_thread
from imbclf.utils.files import atomic_write
from imbclf.utils.safe_reading import check_archive

NEEDED = ("state_dict", "loops", "callbacks", "optimizer_states", "lr_schedulers", "global_step")
MAX_PENDING = 2  # checkpoints in memory, not yet written: best and last of one epoch


class AtomicCheckpointIO(TorchCheckpointIO):
    """Save checkpoints atomically: after a full disk or a kill the previous one remains."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: object = None,  # noqa: ARG002
    ) -> None:
        """Write to a temporary file, sync, rename.

        Raises:
            OSError: such as a full disk; torch hides it, and an `Interrupted` too, behind a
                RuntimeError.
        """
        with (
            atomic_write(Path(path)) as temporary,
            temporary.open("wb") as file,
            _without_checksums(),
        ):
            try:
                torch.save(checkpoint, file)
            except RuntimeError as error:
                reason = error.__context__
                raise (reason if isinstance(reason, OSError | Interrupted) else error) from None

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any = None,  # noqa: ANN401
        weights_only: bool | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Read tensors and plain values only, whatever the arguments.

        Raises:
            UserError: the file is damaged or holds something else.
        """
        try:
            check_archive(Path(path))
            checkpoint = super().load_checkpoint(path, map_location, weights_only=True)
            # Processes of several devices return weights and nothing else.
            is_weights = all(isinstance(value, torch.Tensor) for value in checkpoint.values())
            missing = [name for name in NEEDED if name not in checkpoint and not is_weights]
        except Exception as error:  # a damaged pickle can raise anything
            raise cannot_resume(path, type(error).__name__) from error
        if missing:
            raise cannot_resume(path, f"no {', '.join(missing)}")
        return checkpoint


class BackgroundCheckpointIO(AtomicCheckpointIO):
    """Write checkpoints in threads, one after the other, while training continues.

    The state at the time of the call is written, from a copy in CPU memory. After a failure nothing
    more is written, because the last epoch's checkpoint records which epoch was best. (Lightning's
    AsyncCheckpointIO continues, and its number of copies for a slow disk is unbounded.)
    """

    def __init__(self) -> None:
        self._writing: list[Future[None]] = []

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: object = None,  # noqa: ARG002
    ) -> None:
        """Copy the checkpoint and write it in the background; wait for a slow disk.

        Raises:
            OSError: an earlier one could not be written.
        """
        self._wait_for_writers(MAX_PENDING - 1)
        copied = apply_to_collection(checkpoint, torch.Tensor, _copied)
        write = partial(self._write, copied, path, self._writing[:])
        self._writing.append(start_thread(write, daemon=False))

    def teardown(self) -> None:
        """Wait until everything is written.

        Raises:
            OSError: something could not be written.
        """
        self._wait_for_writers(0)

    def _write(
        self, checkpoint: dict[str, Any], path: str | Path, earlier: list[Future[None]]
    ) -> None:
        for one in earlier:
            one.result()
        super().save_checkpoint(checkpoint, path)

    def _wait_for_writers(self, pending: int) -> None:
        while len(self._writing) > pending:
            self._writing[0].result()
            del self._writing[0]


@contextmanager
def _without_checksums() -> Iterator[None]:
    """Skip checksums, which take half of the time and are not checked by `torch.load`."""
    before = get_crc32_options()
    set_crc32_options(False)
    try:
        yield
    finally:
        set_crc32_options(before)


def _copied(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to("cpu", copy=True)


def cannot_resume(path: str | Path, reason: str) -> UserError:
    """Return the error that training cannot resume from a checkpoint."""
    return UserError(
        f"{path}: cannot resume from this checkpoint ({reason}): it is damaged or belongs to "
        "another run. Delete it to restart this fold"
    )
