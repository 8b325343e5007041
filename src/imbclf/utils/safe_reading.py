"""Files that a stranger may have written, read within bounds: nothing is run or blown up."""

import json
import zipfile
from pathlib import Path
from typing import Any

import yaml

LARGEST_JSON, LARGEST_YAML = 32 * 2**20, 2**18  # bytes; imbclf writes a hundredth of it
DEEPEST = 50  # YAML
OPENING = (
    *(yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken),
    *(yaml.BlockSequenceStartToken, yaml.BlockMappingStartToken),
)
CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
# What reading a damaged or hostile file raises, where it is not refused in so many words.
UNREADABLE = (
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


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is absurdly large or deep, not JSON, or holds something else.

    >>> import tempfile
    >>> sheet = Path(tempfile.mkdtemp()) / "sheet.json"
    >>> _ = sheet.write_text("[" * 100_000)
    >>> read_json(sheet)
    Traceback (most recent call last):
    ValueError: too deep for what imbclf writes
    """
    size = path.stat().st_size
    if size > LARGEST_JSON:
        raise ValueError(f"{size:,} bytes are too many for what imbclf writes")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("too deep for what imbclf writes") from None
    if not isinstance(stored, dict):
        raise ValueError(f"expected an object, found {type(stored).__name__}")
    return stored


def read_yaml(path: Path) -> dict[str, Any]:
    r"""Read a YAML mapping of plain values, each written out.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is absurdly large or deep, not YAML, holds something else, or holds an
            alias: ten lines of those can stand for more than any memory holds.

    >>> import tempfile
    >>> laughs = Path(tempfile.mkdtemp()) / "laughs.yaml"
    >>> _ = laughs.write_text("a: &a [1, 1]\nb: [*a, *a]")
    >>> read_yaml(laughs)
    Traceback (most recent call last):
    ValueError: an alias (*a), which imbclf never writes
    """
    size = path.stat().st_size
    if size > LARGEST_YAML:
        raise ValueError(f"{size:,} bytes are too many for what imbclf writes")
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
        raise ValueError("too deep for what imbclf writes") from None
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from error
    if not isinstance(stored, dict):
        raise ValueError(f"expected a mapping, found {type(stored).__name__}")
    return stored


def check_archive(path: Path) -> None:
    """Refuse what `torch.load` would blow up: a zip archive that holds more than its own size.

    `torch.save` compresses nothing. Files of its former format are no archives, and pass.

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
        raise ValueError(f"{size:,} bytes that unpack to {held:,}, as a memory bomb does")
