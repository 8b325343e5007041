"""Turn out-of-memory errors into a message with a batch size to try."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from imbclf.errors import UserError

# Messages of torch on a CPU, for which it has no exception type.
ON_A_CPU = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc")
# The whole messages of oneDNN; for unsupported shapes or types, "descriptor" follows.
ONEDNN = ("could not create a primitive", "could not execute a primitive")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception means that memory ran out, on any device.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"))
    True
    >>> is_out_of_memory(RuntimeError("could not create a primitive"))
    True
    >>> is_out_of_memory(RuntimeError("shapes differ"))
    False
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    message = str(error)
    known = message in ONEDNN or any(part in message for part in ON_A_CPU)
    return isinstance(error, RuntimeError) and known


@contextmanager
def explain_out_of_memory(what: str, batch_size: int) -> Iterator[None]:
    """Turn an out-of-memory error into a UserError that suggests half the batch size.

    Args:
        what: what was being done, the start of the message.
        batch_size: the current `data.batch_size`.

    Raises:
        UserError: memory ran out.

    >>> with explain_out_of_memory("fold 0", 128):
    ...     raise MemoryError
    Traceback (most recent call last):
    imbclf.errors.UserError: fold 0: memory ran out; try data.batch_size=64 (it is 128)
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        advice = (
            f"try data.batch_size={batch_size // 2} (it is {batch_size})"
            if batch_size > 2
            else "try smaller images (data.image_size) or a smaller model"
        )
        raise UserError(f"{what}: memory ran out; {advice}") from error
