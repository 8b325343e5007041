"""How a run was started: kept from the first start on, and read back."""

from pathlib import Path

import pytest

from imbclf.errors import UserError
from imbclf.evaluation.run_command import COMMAND, read_command, write_command


def test_a_run_keeps_when_it_was_started_unless_its_options_change(tmp_path: Path) -> None:
    assert read_command(tmp_path) is None
    write_command(tmp_path, ["loss=focal"])
    stored = (tmp_path / COMMAND).read_text().replace("20", "19", 1)
    (tmp_path / COMMAND).write_text(stored)
    write_command(tmp_path, ["loss=focal"])
    kept = read_command(tmp_path)
    assert kept is not None
    assert kept.started.startswith("19")
    write_command(tmp_path, ["++loss=bce"])
    changed = read_command(tmp_path)
    assert changed is not None
    assert changed.options == ("loss=bce",)
    assert not changed.started.startswith("19")


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / COMMAND).write_text('{"options": 3}')
    with pytest.raises(UserError, match=COMMAND):
        read_command(tmp_path)
