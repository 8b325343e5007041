"""What a part of an experiment says of its options, as a message that names the part."""

from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import InstantiationException

from imbclf.errors import UserError


@contextmanager
def explain_option(group: str, *also: type[Exception]) -> Iterator[None]:
    """Turn what a part says of its options into a message that names the group.

    Args:
        group: of the configuration.
        also: what else than TypeError and ValueError the part says it with.

    Raises:
        UserError: the part refuses its options.

    >>> with explain_option("optim"):
    ...     raise ValueError("Invalid learning rate: -1")
    Traceback (most recent call last):
    imbclf.errors.UserError: optim: Invalid learning rate: -1
    """
    try:
        yield
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, UserError):
            raise cause from error
        raise UserError(f"{group}: {cause or error}") from error
    except Exception as error:
        if not isinstance(error, (TypeError, ValueError, *also)):
            raise
        raise UserError(f"{group}: {error}") from error
