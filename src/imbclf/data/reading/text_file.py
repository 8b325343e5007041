"""Text files in the encodings that people save them in."""

import codecs
from pathlib import Path

from imbclf.errors import UserError

UTF_16 = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def read_text(path: Path) -> tuple[str, str]:
    """Read a text file in UTF-8, UTF-16 with its mark, or else Windows-1252.

    Line ends are not converted.

    Returns:
        The text, and a sentence about an encoding that was guessed, "" for UTF-8.

    Raises:
        UserError: `path` is missing, a folder, unreadable, empty or no text.
    """
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; expected a file of labels") from None
    except OSError as error:
        raise UserError(f"Cannot read the labels in {path}: {error.strerror}") from None
    text, note = _decoded(path, content)
    if "\0" in text:
        raise UserError(f"{path} is not a text file: it holds zero bytes; save it as UTF-8")
    if not text.strip():
        raise UserError(f"{path} is empty; expected labels")
    return text, note


def _decoded(path: Path, content: bytes) -> tuple[str, str]:
    if content[:2] in UTF_16:
        return content.decode("utf-16", "replace"), f"{path.name} was read as UTF-16"
    try:
        return content.decode("utf-8-sig"), ""
    except UnicodeDecodeError as error:
        byte = error.start
    try:
        return content.decode("cp1252"), (
            f"{path.name} was read as Windows-1252, since byte {byte} is not UTF-8"
        )
    except UnicodeDecodeError:
        raise UserError(
            f"{path} is not a text file: byte {byte} is not UTF-8; save it as UTF-8"
        ) from None


def read_lines(path: Path) -> list[str]:
    """Read one label per line; blank lines give "", except at the end of the file.

    Raises:
        UserError: as `read_text`.
    """
    # Not str.splitlines, which also splits at form feeds and the like.
    text = read_text(path)[0].rstrip().replace("\r\n", "\n").replace("\r", "\n")
    return [line.strip() for line in text.split("\n")]
