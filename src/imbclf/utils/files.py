"""Files that appear whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Return a path beside `path` to write to; on success it is synced and takes `path`'s place.

    After an error the half-written file is removed and whatever stood at `path` is untouched. A
    write that the system refuses, for a full disk say, names no file: it is given `path`.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a" / "note.txt"
    >>> with atomic_write(target) as beside:
    ...     _ = beside.write_text("all of it")
    >>> target.read_text()
    'all of it'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield beside
        with beside.open("rb+") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with atomic_write(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Return an empty folder to fill, which takes `folder`'s place when all went well.

    After an error it is removed and whatever stood at `folder` is untouched. One process at a
    time: hold a lock.

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
