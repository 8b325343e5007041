"""`--help` explains every option and choice, in lines that fit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig
from torchvision.models import get_model_weights

from helpers.commands import call
from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.help.comments import first_comment
from imbclf.cli.help.files import YamlFiles, comments_of
from imbclf.cli.help.layout import WIDEST, fold
from imbclf.cli.help.text import help_text, option_rows

COMMANDS = sorted(path.stem for path in conf_dir().glob("*.yaml"))
CHOICES = sorted(
    path.relative_to(conf_dir()).with_suffix("").as_posix()
    for path in conf_dir().rglob("*/*.yaml")
    if not path.stem.startswith("_")
)
LINE_OF_CHOICE = 8  # letters that stand before and between the name and what it is


@pytest.fixture
def hydra() -> Iterator[None]:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield


def composed(command: str, *overrides: str) -> DictConfig:
    return compose(command, [*overrides], return_hydra_config=True)


def unexplained(command: str, cfg: DictConfig) -> list[str]:
    choices = {str(group): choice for group, choice in cfg.hydra.runtime.choices.items()}
    comments = comments_of(YamlFiles([conf_dir()]), command, choices)
    return [row for row, said in option_rows(cfg, comments) if not said.removeprefix("needed: ")]


@pytest.mark.usefixtures("hydra")
@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_explained(command: str) -> None:
    cfg = composed(command)
    assert unexplained(command, cfg) == []
    rows = option_rows(cfg, {})
    assert len(rows) == len({name for name, _ in rows}) >= 2


@pytest.mark.usefixtures("hydra")
@pytest.mark.parametrize("choice", [one for one in CHOICES if one.split("/")[0] != "search"])
def test_every_option_of_a_choice_is_explained(choice: str) -> None:
    group, _, name = choice.rpartition("/")
    if group == "decision":
        command, override = "predict", "seed=0"
    else:
        command, override = "train", f"{group}={name}"
    cfg = composed(command, *([] if command == "predict" else [override]))
    if group.startswith("hydra"):
        comments = YamlFiles([conf_dir()]).comments(choice)
        assert {"address", "num_cpus", "num_gpus"} <= comments.keys()
    else:
        assert unexplained(command, cfg) == []


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_says_what_it_is_in_a_line(choice: str) -> None:
    folder = (conf_dir() / choice).parent
    said = first_comment((conf_dir() / f"{choice}.yaml").read_text())
    longest = max(len(path.stem) for path in folder.glob("*.yaml"))
    assert len(said) > 10
    assert not said.startswith("imbclf-")
    assert LINE_OF_CHOICE + longest + len(said) <= WIDEST, said


OF_TORCHVISION = [path for path in (conf_dir() / "model").glob("[a-z]*") if path.stem != "timm"]


@pytest.mark.parametrize("path", sorted(OF_TORCHVISION))
def test_what_is_said_of_a_model_is_what_torchvision_says(path: Path) -> None:
    meta: dict[str, Any] = get_model_weights(path.stem).DEFAULT.meta
    accuracy = meta["_metrics"]["ImageNet-1K"]["acc@1"]
    said = first_comment(path.read_text())
    assert f": {meta['num_params'] / 1e6:.1f} million parameters" in said
    assert f"top-1 {accuracy:.1f} %" in said


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("columns", ["200", "60"])
def test_help_fits_the_terminal(
    command: str, columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert call(command, "--help") == 0
    text = capsys.readouterr().out
    limit = min(int(columns), WIDEST)
    long = [line for line in text.splitlines() if len(line) > limit and " " in line.strip()]
    assert long == []
    assert f"Usage: imbclf-{command} " in " ".join(text.split())
    for hidden in ("_target_=imbclf", "_target_=torch", "_partial_", "_base", "???", "${"):
        assert hidden not in text


@pytest.mark.parametrize("asked", ["loss=focal", "loss"])
def test_help_about_one_group(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("train", "--help", asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "loss="
    chosen = [line.split()[1] for line in lines if line.startswith("  *")]
    assert chosen == [asked.partition("=")[2] or "weighted_bce"]
    assert any(line.startswith("  loss.gamma=2.0") for line in lines) == ("=" in asked)
    assert not any(line.startswith("  optim.") for line in lines)


def test_help_about_single_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("train", "--help", "data.drop", "cv") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "=" in line.split("  ")[1]]
    names = [line.strip().partition("=")[0] for line in lines]
    assert "data.drop" in names
    assert {name.partition(".")[0] for name in names if name != "data.drop"} == {"cv"}
    assert len(names) > 5


def test_choices_that_do_not_work_are_not_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("train", "--help") == 0
    lines = capsys.readouterr().out.splitlines()
    groups = [line for line in lines if line.endswith("=") and " " not in line]
    assert "search=" not in groups  # of imbclf-tune
    assert {"model=", "loss=", "sampler=", "experiment="} <= {*groups}


def test_files_of_ones_own_are_listed_and_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss" / "mine.yaml").write_text(
        "# A loss of mine.\n_target_: torch.nn.BCEWithLogitsLoss\nsize: 1  # how large, say\n"
    )
    assert call("train", "--config-dir", str(tmp_path), "--help", "loss=mine") == 0
    text = capsys.readouterr().out
    assert "* mine " in text
    assert "A loss of mine." in text
    assert "loss.size=1  how large, say" in text


@pytest.mark.usefixtures("hydra")
def test_a_value_is_what_an_override_made_it() -> None:
    cfg = composed("train", "data=folder", "data.dir=photos", "optim.lr=0.5")
    text = help_text("train", cfg, GlobalHydra.instance().config_loader(), ["data", "optim"])
    assert "data.dir=photos" in text
    assert "optim.lr=0.5" in text
    assert "  model." not in text


@pytest.mark.parametrize("width", [40, 60, 100])
def test_folding_keeps_every_word(width: int) -> None:
    text = "  a.long.name=value  " + "word " * 40 + "\n" + "plain " * 40
    folded = fold(text, width)
    assert folded.split() == text.split()
    assert max(map(len, folded.splitlines())) <= width
