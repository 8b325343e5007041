"""Locks of the cache folder: one process at a time decodes images, and one embeds them."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from imbclf.errors import UserError

logger = logging.getLogger("imbclf")


@contextmanager
def lock_cache(cache_dir: Path) -> Iterator[None]:
    """Lock a cache folder for decoding, and remove the partial caches of killed processes.

    Raises:
        UserError: the folder cannot be written to.
    """
    with _locked(cache_dir, ".lock", "decodes images", "decoded images"):
        for leftover in cache_dir.glob(f"{'[0-9a-f]' * 32}.partial"):
            shutil.rmtree(leftover)
        yield


@contextmanager
def lock_embeddings(cache_dir: Path) -> Iterator[None]:
    """Lock a cache folder for embedding images; others may decode meanwhile.

    Raises:
        UserError: the folder cannot be written to.
    """
    with _locked(cache_dir, ".embeddings.lock", "embeds images", "embedded images"):
        for leftover in cache_dir.glob(f".{'[0-9a-f]' * 32}.npy.*.tmp"):
            leftover.unlink()
        yield


@contextmanager
def _locked(cache_dir: Path, name: str, doing: str, what: str) -> Iterator[None]:
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache_dir / name)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.info("Waiting for another process that %s into %s", doing, cache_dir)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
    except OSError as error:
        if error.errno is None:
            raise  # not from the operating system
        raise UserError(
            f"Cannot keep {what} in {cache_dir}: {error.strerror}; "
            "choose a writable folder with free space by data.cache_dir=FOLDER"
        ) from error
