"""Work that is begun before its result is needed."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Event, Thread
from typing import TypeVar

Result = TypeVar("Result")


def run_in_background(work: Callable[[Callable[[], None]], Result]) -> Callable[[], Result]:
    """Begin `work` in the background; return a function that waits for its result.

    The caller goes on when `work` calls its argument, to say that other processes do the rest, or
    is done. Until then both would want the interpreter: who asks the system for 100,000 files
    while another thread imports modules waits for it 100,000 times.

    A process that ends before asking does not wait for the work.

    >>> answer = run_in_background(lambda others_do_the_rest: 6 * 7)
    >>> answer()
    42
    """
    on_its_way = Event()
    future = start_thread(partial(work, on_its_way.set), daemon=True)
    future.add_done_callback(lambda _: on_its_way.set())
    on_its_way.wait()
    return future.result


def start_thread(work: Callable[[], Result], daemon: bool) -> Future[Result]:
    """Do `work` in a thread of its own, which ends with it.

    A ThreadPoolExecutor whose `submit` is interrupted has a thread that it does not know of, and
    the process waits for that one for ever when it ends.

    Args:
        work: what to do.
        daemon: whether a process may end before it is done.

    >>> start_thread(lambda: 6 * 7, daemon=False).result()
    42
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=daemon).start()
    return future
