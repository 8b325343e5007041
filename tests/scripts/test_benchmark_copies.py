"""The benchmark of planted copies, on pieces of photographs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import benchmark_copies as script
from helpers.photographs import pieces


def test_copies_of_photographs_are_found_and_a_repeat_is_an_other_pair(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    eventful = pieces()[pieces().std(axis=(1, 2)).mean(axis=1) > 20]
    (tmp_path / "album").mkdir()
    for number, image in enumerate([*eventful, eventful[3]]):
        Image.fromarray(image).save(tmp_path / "album" / f"{number:03d}.png")
    script.main(["album", "--copies", "32", "--others", "4"])
    told = capsys.readouterr().out
    assert "brightness: 1.00" in told
    assert "other pairs: 1 |" in told
    assert np.asarray(Image.open("others.png")).std() > 0
