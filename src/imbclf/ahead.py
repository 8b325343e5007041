"""Work that is begun before its result is needed."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread
from typing import TypeVar

Result = TypeVar("Result")


def ahead(work: Callable[[Callable[[], None]], Result]) -> Callable[[], Result]:
    """Begin `work` beside the caller; give what waits for it and returns, or raises, what it does.

    The caller goes on when `work` calls its argument, to say that other processes do the rest, or
    is done. Until then both would want the interpreter: who asks the system for 100,000 files
    while another thread imports modules waits for it 100,000 times.

    A process that ends before asking does not wait for the work.

    >>> answer = ahead(lambda others_do_the_rest: 6 * 7)
    >>> answer()
    42
    """
    future: Future[Result] = Future()
    on_its_way = Event()

    def run() -> None:
        try:
            future.set_result(work(on_its_way.set))
        except BaseException as error:
            future.set_exception(error)
        on_its_way.set()

    Thread(target=run, daemon=True).start()
    on_its_way.wait()
    return future.result
