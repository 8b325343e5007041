"""System errors end in one message, for every command and every option that holds a path."""

from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.commands import call, small

LONG = "a" * 300  # Linux takes 255 bytes for the name of a file
FOLDER = "FOLDER"
MISTAKES = [
    ("train", f"resume={LONG}"),
    ("train", "-m", "seed=1,2", f"resume={LONG}"),
    ("train", *small(Path(FOLDER)), f"hydra.run.dir={LONG}"),
    ("train", *small(Path(FOLDER)), "-m", "seed=1,2", f"hydra.sweep.dir={LONG}"),
    ("train", *small(Path(LONG))),
    ("train", *small(Path(FOLDER)), f"data.labels={LONG}"),
    ("train", *small(Path(FOLDER)), f"data.images={LONG}"),
    ("train", *small(Path(FOLDER)), f"data.cache_dir={LONG}"),
    ("train", *small(Path(FOLDER)), f"model.weights={LONG}"),
    ("train", *small(Path(FOLDER)), f"cv.start_from={LONG}"),
    ("train", *small(Path(FOLDER)), f"tracking.directory={LONG}"),
    ("train", f"data.dir={LONG}"),
    ("train", f"data={LONG}"),
    ("train", f"--config-dir={LONG}"),
    ("predict", f"ckpt={LONG}", f"data.dir={FOLDER}"),
    ("predict", f"ckpt={FOLDER}", f"data.dir={LONG}"),
    ("predict", f"ckpt={FOLDER}", f"data.dir={FOLDER}", f"out={LONG}"),
    ("predict", f"ckpt={LONG}", f"data.dir={FOLDER}", "max_far=0.1"),
    ("predict", "ckpt=runs:/0", f"data.dir={FOLDER}", f"tracking.directory={LONG}"),
    ("evaluate", f"ckpt={LONG}"),
    ("evaluate", f"ckpt={LONG}", f"data.dir={FOLDER}"),
    ("evaluate", f"ckpt={FOLDER}", f"out={LONG}"),
    ("compare", LONG),
    ("compare", f"runs={LONG}"),
    ("compare", f"runs={FOLDER}", f"out={LONG}"),
    ("report", f"run={LONG}"),
    ("report", f"run={FOLDER}", f"data.dir={LONG}"),
    ("explore", f"data.dir={LONG}"),
    ("explore", f"data.dir={FOLDER}", f"data.labels={LONG}"),
    ("explore", f"data.dir={FOLDER}", f"test_dir={LONG}"),
    ("explore", f"data.dir={FOLDER}", f"out={LONG}"),
]


def named(arguments: tuple[str, ...]) -> str:
    return " ".join(one.replace(LONG, "LONG") for one in arguments if LONG in one or "=" not in one)


@pytest.mark.filterwarnings("ignore")  # of Lightning and MLflow
@pytest.mark.parametrize("arguments", MISTAKES, ids=named)
def test_a_name_too_long_for_a_file_is_one_message(
    arguments: tuple[str, ...],
    make_folder: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("imbclf.cli.sweep.folder", None)
    folder = make_folder(images=80, minority=16)
    command, *options = (one.replace(FOLDER, str(folder)) for one in arguments)
    assert call(command, *options) == 2
    message = capsys.readouterr().err
    assert message.count("error: ") == 1, message
    assert "Traceback" not in message
    assert "a" * 50 in message or str(folder) in message
    assert not list(tmp_path.rglob("*.ckpt"))
