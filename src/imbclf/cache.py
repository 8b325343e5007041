"""Folders that are computed once, by one process, and appear whole or not at all."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from imbclf.errors import UserError

logger = logging.getLogger("imbclf")


@contextmanager
def one_writer(cache_dir: Path) -> Iterator[None]:
    """Let one process at a time write below a folder; what a killed one left there is removed.

    Raises:
        UserError: nothing can be written there, for whatever reason the system gives.
    """
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache_dir / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.info("Waiting for another process that decodes images into %s", cache_dir)
            lock.acquire()
        try:
            for leftover in cache_dir.glob(f"{'[0-9a-f]' * 32}.partial"):
                shutil.rmtree(leftover)
            yield
        finally:
            lock.release()
    except OSError as error:
        if error.errno is None:
            raise  # not from the system: a TimeoutError of the caller's, say
        raise UserError(
            f"Cannot keep decoded images in {cache_dir}: {error.strerror}; "
            "name a folder with room that you may write to by data.cache_dir=FOLDER"
        ) from error


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which takes `folder`'s place when all went well.

    After an error it is removed and whatever stood at `folder` is untouched. One process at a
    time: hold a lock.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "result"
    >>> with whole_folder(target) as partial:
    ...     _ = (partial / "a.txt").write_text("all of it")
    >>> [path.name for path in target.iterdir()]
    ['a.txt']
    """
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
