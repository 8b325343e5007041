"""Errors of a part of an experiment, with the name of its configuration group."""

from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import InstantiationException

from imbclf.cli.config.target_parameters import import_failure
from imbclf.errors import UserError


def _located(cause: BaseException | None) -> str | None:
    """Return where and why a module failed to be imported, if that is the cause."""
    inner = cause
    while isinstance(inner, ImportError) and inner.__cause__ is not None:
        inner = inner.__cause__
    return None if inner is cause or inner is None else import_failure(inner)


@contextmanager
def explain_option(group: str, *also: type[Exception]) -> Iterator[None]:
    """Turn an error about options into a message that names their group.

    Args:
        group: of the configuration.
        also: exceptions to convert beside TypeError and ValueError.

    Raises:
        UserError: the part rejects its options.

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
        raise UserError(f"{group}: {_located(cause) or cause or error}") from error
    except Exception as error:
        if not isinstance(error, (TypeError, ValueError, *also)):
            raise
        raise UserError(f"{group}: {error}") from error
