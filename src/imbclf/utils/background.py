"""Functions that run in background threads."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Event, Thread
from typing import TypeVar

Result = TypeVar("Result")


def run_in_background(work: Callable[[Callable[[], None]], Result]) -> Callable[[], Result]:
    """Start `work` in a daemon thread, and return a function that waits for its result.

    Returns as soon as `work` calls its argument, which it should do once it only waits for other
    processes, or has finished. Until then both threads would compete for the interpreter lock:
    100,000 file system calls while another thread imports modules are slow.

    Args:
        work: function of a callback that releases the caller.

    >>> result = run_in_background(lambda release_caller: 6 * 7)
    >>> result()
    42
    """
    released = Event()
    future = start_thread(partial(work, released.set), daemon=True)
    future.add_done_callback(lambda _: released.set())
    released.wait()
    return future.result


def start_thread(work: Callable[[], Result], daemon: bool) -> Future[Result]:
    """Start `work` in a new thread and return its future.

    Unlike with a ThreadPoolExecutor, an interrupt during the start leaves no unknown thread that
    the process would wait for when it ends.

    Args:
        work: the function to run.
        daemon: whether the process may end before it has finished.

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
