"""Work that is begun before its result is needed."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def ahead(work: Callable[[], Result]) -> Callable[[], Result]:
    """Begin `work` beside the caller; give what waits for it and returns, or raises, what it does.

    A process that ends before asking does not wait for it.

    >>> answer = ahead(lambda: 6 * 7)
    >>> answer()
    42
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future.result
