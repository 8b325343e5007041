"""Hydra's flags under the rules of Python 3.14, and mistakes in them."""

import argparse
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra._internal import utils

from helpers.commands import call
from imbclf.cli.app.hydra_flags import use_flag_parser


@pytest.fixture
def as_in_python_3_14(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check each help text by formatting it, as `ArgumentParser.add_argument` does from 3.14 on."""
    add = argparse._ActionsContainer.add_argument

    def add_argument(parser: Any, *names: str, **options: Any) -> argparse.Action:  # noqa: ANN401
        action = add(parser, *names, **options)
        if action.help and hasattr(parser, "_get_formatter"):
            try:
                parser._get_formatter()._expand_help(action)
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError("badly formed help string") from error
        return action

    monkeypatch.setattr(argparse._ActionsContainer, "add_argument", add_argument)


@pytest.mark.usefixtures("as_in_python_3_14")
def test_hydra_alone_fails_and_with_our_parser_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "argparse", argparse)
    with pytest.raises(ValueError, match="badly formed help string"):
        utils.get_args_parser()
    use_flag_parser()
    flags = utils.get_args_parser().parse_args(["-m", "seed=0,1", "--cfg", "job"])
    assert (flags.multirun, flags.cfg, flags.overrides) == (True, "job", ["seed=0,1"])


@pytest.mark.usefixtures("as_in_python_3_14")
@pytest.mark.parametrize("flag", ["--help", "--hydra-help", "--version"])
def test_commands_run_under_the_rules_of_3_14(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("train", flag) == 0
    assert len(capsys.readouterr().out) > 20


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--epochs", "3", "optim.lr=1e-3"], "unrecognized arguments: --epochs"),
        (["--cfg", "nothing"], "argument --cfg/-c: invalid choice: 'nothing'"),
        (["--config-dir"], "argument --config-dir/-cd: expected one argument"),
    ],
)
def test_a_wrong_flag_is_one_message(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("report", *arguments) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"imbclf-report: error: {said}")
    assert message.count("\n") == 1
    assert "NAME=VALUE" in message


def test_this_python_is_one_that_the_package_claims() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    major, minor = sys.version_info[:2]
    assert f'"Programming Language :: Python :: {major}.{minor}"' in text
