"""How many images make a training step where that is left to their number."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from helpers.commands import call, small
from imbclf.cli.config.build import build_parts
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.data.batch_size import STEPS, batch_size_for
from imbclf.training.preparation import prepare

COMMON = ("tracking=none", "cv.fold=0")


def test_an_epoch_has_steps_enough_whatever_the_number_of_images() -> None:
    for images in np.unique(np.geomspace(2, 1e6, 60).astype(int)).tolist():
        for devices in (1, 2):
            size = batch_size_for(images, devices) * devices
            assert 1 <= size <= max(images, devices)
            # Enough steps, or the smallest batches; and no larger ones would be enough.
            assert images >= STEPS * size or size <= 16
            assert size == 128 or images < STEPS * 2 * size


@pytest.mark.parametrize(("given", "expected"), [("null", 16), ("32", 32)])
def test_a_size_that_is_given_is_kept(
    make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, given: str, expected: int
) -> None:
    folder = make_folder()
    monkeypatch.chdir(folder.parent)
    arguments = small(folder, *COMMON, f"data.batch_size={given}")
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        ready = prepare(build_parts(compose("train", arguments)))
    assert ready.recipe.parts.batch_size == ready.recipe.parts.data.batch_size == expected
    said = [line for line in ready.division if line.startswith("batches")]
    fit = len(ready.folds[0].fit)
    assert said == ([f"batches  of 16, for {fit} images to fit"] if given == "null" else [])


def test_a_sampler_that_fills_batches_needs_their_size(
    make_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = make_folder()
    monkeypatch.chdir(folder.parent)
    options = small(folder, *COMMON, "data.batch_size=null", "sampler=both_classes")
    assert call("train", *options) == 2
    assert "sampler.batch_size=None: expected a whole number" in capsys.readouterr().err
