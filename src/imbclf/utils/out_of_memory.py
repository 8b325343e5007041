"""Memory that did not suffice, said with the batch size to try."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from imbclf.errors import UserError

# What torch says on a CPU, where it has no exception of its own for it.
ON_A_CPU = ("can't allocate memory", "not enough memory", "out of memory", "bad_alloc")
# All that oneDNN says; where a shape or a type does not suit it, "descriptor" follows.
ONEDNN = ("could not create a primitive", "could not execute a primitive")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out, on whichever device.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"))
    True
    >>> is_out_of_memory(RuntimeError("could not create a primitive"))
    True
    >>> is_out_of_memory(RuntimeError("shapes differ"))
    False
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    said = str(error)
    known = said in ONEDNN or any(words in said for words in ON_A_CPU)
    return isinstance(error, RuntimeError) and known


@contextmanager
def explain_out_of_memory(what: str, batch_size: int) -> Iterator[None]:
    """Turn a shortage of memory into a message that names half the batch size.

    Args:
        what: was being done, at the beginning of the message.
        batch_size: `data.batch_size` as it is.

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
        way_on = (
            f"try data.batch_size={batch_size // 2} (it is {batch_size})"
            if batch_size > 2
            else "try smaller images (data.image_size) or a smaller model"
        )
        raise UserError(f"{what}: memory ran out; {way_on}") from error
