"""Train one fold on several devices of a machine, with a process for each.

The processes are started for each fold and only train it; their results are read from disk. The
main process does all scoring on one device, so that no image is counted twice and no output is
written twice.
"""

import re
import signal

import lightning as L
from lightning.pytorch.strategies import DDPStrategy
from torch.multiprocessing.spawn import ProcessExitedException, ProcessRaisedException

import imbclf.errors
from imbclf.errors import DivergedError, UserError

OURS = re.compile(rf"^{re.escape(imbclf.errors.__name__)}\.(\w+): (.*)\Z", re.MULTILINE | re.DOTALL)
SHORTAGES = ("OutOfMemoryError", "can't allocate memory", "not enough memory", "MemoryError")
EndedProcess = (ProcessRaisedException, ProcessExitedException)


def strategy_of(trainer: L.Trainer, freezes: bool) -> str:
    """Return the name of Lightning's strategy for a trainer of several devices.

    Args:
        trainer: created from its options.
        freezes: whether parameters lack gradients at times, which have to be searched for.

    Raises:
        UserError: several machines or another strategy were requested.
    """
    if trainer.num_nodes > 1:
        raise UserError(
            f"trainer.num_nodes={trainer.num_nodes}: a fold is trained on the devices of one "
            "machine. Use several by training folds as jobs: imbclf-train -m cv.fold=0,1,2,3,4"
        )
    strategy = trainer.strategy
    # Lightning's default is `ddp`, which would start the whole command again for each device.
    if not isinstance(strategy, DDPStrategy) or type(strategy) is not DDPStrategy:
        raise UserError(
            f"trainer.strategy: {type(strategy).__name__} cannot train on several devices here; "
            "leave the option out"
        )
    return "ddp_spawn_find_unused_parameters_true" if freezes else "ddp_spawn"


class EndOnSigterm(L.Callback):
    """Let SIGTERM end the process of one of several devices immediately.

    Lightning's handler first waits for the other devices, which fails or never ends if one of them
    is gone: exactly the case in which the others receive this signal.
    """

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:  # noqa: ARG002
        """Replace Lightning's handler, which is installed by now."""
        if trainer.world_size > 1:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def kill_processes(trainer: L.Trainer) -> None:
    """Kill the processes of a failed training, if any."""
    if trainer.strategy.launcher is not None:
        # Windows has one way to end a process, by another name.
        trainer.strategy.launcher.kill(getattr(signal, "SIGKILL", signal.SIGTERM))


def as_local_error(error: BaseException, fold: int) -> Exception:
    """Return the error that ended a process as an exception of this process.

    Args:
        error: one of `EndedProcess`.
        fold: that was trained.

    >>> try:
    ...     raise ProcessExitedException("", 1, 9, exit_code=-9, signal_name="SIGKILL")
    ... except ProcessExitedException as error:
    ...     print(str(as_local_error(error, fold=2)).partition(" (")[0])
    fold 2: the process of device 1 was ended by SIGKILL, and the others with it
    """
    if isinstance(error, ProcessExitedException):
        how = error.signal_name or f"exit code {error.exit_code}"
        return UserError(
            f"fold {fold}: the process of device {error.error_index} was ended by {how}, and the "
            "others with it (the system's log says whether memory ran out). Finished folds and the "
            "last whole epoch are kept: resume with  imbclf-train resume=RUN_DIR"
        )
    text = str(error).rstrip()
    last = text.rpartition("\n")[2]
    if found := OURS.search(text):
        kind = DivergedError if found[1] == DivergedError.__name__ else UserError
        return kind(found[2])
    if any(words in last for words in SHORTAGES):
        return MemoryError(last)
    return RuntimeError(f"fold {fold}, in a process of its own:\n{text}")
