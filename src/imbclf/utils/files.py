"""Atomic writing of files and folders."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".tmp"


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path; on success, fsync it and rename it to `path`.

    On an error the temporary file is removed and `path` is unchanged. An OSError without a file
    name, as on a full disk, gets that of `path`.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a" / "note.txt"
    >>> with atomic_write(target) as temporary:
    ...     _ = temporary.write_text("all of it")
    >>> target.read_text()
    'all of it'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of killed processes, here and below. Hold a lock.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = [(folder / name).write_text("") for name in (".a.txt.17.tmp", "a.txt", ".my.tmp")]
    >>> remove_leftovers(folder)
    >>> sorted(path.name for path in folder.iterdir())
    ['.my.tmp', 'a.txt']
    """
    for path in folder.rglob(f".*{TEMPORARY}"):
        if path.name.removesuffix(TEMPORARY).rpartition(".")[2].isdigit():
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty temporary folder; on success, rename it to `folder`.

    On an error it is removed and `folder` is unchanged. Not safe for concurrent processes: hold a
    lock.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "result"
    >>> with atomic_folder(target) as partial:
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
