"""Background work, and when its caller is released."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imbclf.data.dataset import UnlabelledFolder
from imbclf.errors import UserError
from imbclf.utils.background import run_in_background


def test_the_caller_is_released_by_the_callback_and_not_before() -> None:
    free = threading.Event()
    steps: list[str] = []

    def work(others_do_the_rest: Callable[[], None]) -> int:
        steps.append("listed")
        others_do_the_rest()
        assert free.wait(30)
        steps.append("decoded")
        return 42

    answer = run_in_background(work)
    assert steps == ["listed"]
    free.set()
    assert answer() == 42
    assert steps == ["listed", "decoded"]


def test_an_error_is_raised_when_the_result_is_requested() -> None:
    def work(_: Callable[[], None]) -> int:
        raise UserError("no folder")

    answer = run_in_background(work)
    with pytest.raises(UserError, match="no folder"):
        answer()


def test_the_callback_is_called_only_if_images_are_decoded(
    tmp_path: Path,
) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(3):
        pixels = np.full((4, 4, 3), number, dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    folder = UnlabelledFolder(str(tmp_path / "photos"), str(tmp_path / "cache"))
    calls: list[int] = []
    for expected in (1, 1):  # the second time it is in the cache
        images, _ = folder.open((4, 4), lambda: calls.append(len(calls)))
        assert images[:, 0, 0, 0].tolist() == [0, 1, 2]
        assert len(calls) == expected
