"""Reading untrusted files within bounds: nothing in them is run, none exhausts the memory."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Any

import yaml

from imbclf.errors import UserError

LARGEST_JSON, LARGEST_YAML = 32 * 2**20, 2**18  # bytes; imbclf writes a hundredth of it
DEEPEST = 50  # YAML
OPENING = (
    *(yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken),
    *(yaml.BlockSequenceStartToken, yaml.BlockMappingStartToken),
)
CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
# What reading a damaged or hostile file raises where no check of ours refuses it first.
DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    EOFError,
)


@contextmanager
def readable(
    path: Path | str, expected: str, advice: str = "", also: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Report whatever a damaged or hostile file raises as a `UserError` that names the file.

    This is the one place that catches so much. Put only the reading and checking of that file
    under it, so that errors of other code surface.

    Args:
        path: the file, or the option that names it.
        expected: what it should be.
        advice: what to do about it, as a sentence without its period.
        also: further exceptions of the library that reads it.

    >>> with readable(Path("run/summary.json"), "the summary of a run", "Train again"):
    ...     {}["hter"]
    Traceback (most recent call last):
    imbclf.errors.UserError: run/summary.json: expected the summary of a run ('hter' is missing). \
Train again
    """
    caught: tuple[type[Exception], ...] = (*DAMAGE, *also)
    try:
        yield
    except caught as error:
        message = f"{path}: expected {expected} ({_reason(error)})"
        raise UserError(f"{message}. {advice}" if advice else message) from error


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # its message repeats the path
    if isinstance(error, KeyError):
        return f"{shorten(str(error), 100)} is missing"
    words = shorten(str(error), 300)
    return words if words and isinstance(error, ValueError) else f"{type(error).__name__}: {words}"


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too large or too deep, not JSON, or not an object.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "deep.json"
    >>> _ = path.write_text("[" * 100_000)
    >>> read_json(path)
    Traceback (most recent call last):
    ValueError: nested deeper than anything imbclf writes
    """
    size = path.stat().st_size
    if size > LARGEST_JSON:
        raise ValueError(f"{size:,} bytes are more than imbclf ever writes")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("nested deeper than anything imbclf writes") from None
    if not isinstance(stored, dict):
        raise ValueError(f"expected an object, found {type(stored).__name__}")
    return stored


def read_yaml(path: Path) -> dict[str, Any]:
    r"""Read a YAML mapping of plain values, each written out.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too large or too deep, not YAML, not a mapping, or holds an alias: ten
            lines of aliases can expand to more than any memory holds.

    >>> import tempfile
    >>> laughs = Path(tempfile.mkdtemp()) / "laughs.yaml"
    >>> _ = laughs.write_text("a: &a [1, 1]\nb: [*a, *a]")
    >>> read_yaml(laughs)
    Traceback (most recent call last):
    ValueError: an alias (*a), which imbclf never writes
    """
    size = path.stat().st_size
    if size > LARGEST_YAML:
        raise ValueError(f"{size:,} bytes are more than imbclf ever writes")
    text = path.read_text(encoding="utf-8")
    try:
        depth = 0
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken):
                raise ValueError(f"an alias (*{token.value}), which imbclf never writes")
            depth += isinstance(token, OPENING) - isinstance(token, CLOSING)
            if depth > DEEPEST:
                raise RecursionError
        stored = yaml.safe_load(text)
    except RecursionError:
        raise ValueError("nested deeper than anything imbclf writes") from None
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from error
    if not isinstance(stored, dict):
        raise ValueError(f"expected a mapping, found {type(stored).__name__}")
    return stored


def check_archive(path: Path) -> None:
    """Refuse a zip archive that `torch.load` would expand to more than the file's own size.

    `torch.save` compresses nothing. Files of its former format are not archives, and pass.

    Raises:
        OSError: the file cannot be read.
        ValueError: a part of it is compressed, or parts overlap, or it is a broken archive.
    """
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile as error:
        raise ValueError(f"a broken archive ({error})") from error
    packed = [part.filename for part in parts if part.compress_type != zipfile.ZIP_STORED]
    size, held = path.stat().st_size, sum(part.file_size for part in parts)
    if packed or held > size:
        raise ValueError(f"{size:,} bytes that unpack to {held:,}: a decompression bomb")
