"""Data folders of empty files, read as a user would have them read."""

from pathlib import Path

import pytest

from imbclf.data.listing import Listing
from imbclf.data.reading.options import ReadingOptions
from imbclf.data.reading.read import list_labelled
from imbclf.errors import UserError


def touch(root: Path, *files: str) -> None:
    """Make empty files: a listing never looks into an image."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()


def read(root: Path, **options: object) -> Listing:
    """List a data folder."""
    return list_labelled(root, ReadingOptions(**options))  # type: ignore[arg-type]


def refusal(root: Path, **options: object) -> str:
    """Return the message that a data folder is refused with."""
    with pytest.raises(UserError) as caught:
        read(root, **options)
    return str(caught.value)
