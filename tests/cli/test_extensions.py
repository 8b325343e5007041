"""Callbacks and loggers by `_target_`: what is refused, where they write, what resuming trusts."""

from functools import partial
from importlib.util import find_spec
from pathlib import Path

import lightning as L
import pytest
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from omegaconf import DictConfig

from imbclf.cli.config.extensions import callback_factory, logger_factory
from imbclf.cli.config.trainer_options import trainer_factory
from imbclf.cli.config.trust import untrusted_calls
from imbclf.errors import UserError
from imbclf.training import EarlyStopping

CALLBACKS, LOGGERS = "lightning.pytorch.callbacks", "lightning.pytorch.loggers"


def test_each_fold_has_callbacks_of_its_own_in_the_order_given() -> None:
    named = {
        "early_stopping": {"_target_": "imbclf.training.EarlyStopping", "patience": 3},
        "rate": {"_target_": f"{CALLBACKS}.LearningRateMonitor"},
    }
    for options in (named, list(named.values())):
        build = callback_factory(options)
        first, second = build(), build()
        assert [type(one) for one in first] == [EarlyStopping, LearningRateMonitor]
        assert all(one is not other for one, other in zip(first, second, strict=True))
    assert callback_factory(None)() == []


def test_loggers_write_below_the_run_directory(tmp_path: Path) -> None:
    options = {
        "csv": {"_target_": f"{LOGGERS}.CSVLogger"},
        "board": {"_target_": f"{LOGGERS}.TensorBoardLogger", "default_hp_metric": False},
    }
    build = logger_factory(options, {"optim.lr": 0.1})
    assert not [*tmp_path.iterdir()]
    csv, board = build(tmp_path / "run", 2)
    assert isinstance(csv, CSVLogger)
    assert isinstance(board, TensorBoardLogger)
    assert Path(csv.log_dir) == tmp_path / "run/logs/csv/fold_2/version_0"
    assert Path(board.log_dir) == tmp_path / "run/logs/board/fold_2"
    assert "optim.lr" in (Path(csv.log_dir) / "hparams.yaml").read_text()
    again, _ = build(tmp_path / "run", 2)  # of a resumed fold
    assert isinstance(again, CSVLogger)
    assert Path(again.log_dir).name == "version_1"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (True, "expected a choice of the group"),
        ({"a": 3}, r"trainer.logger.a=3: expected trainer.logger.a._target_=CLASS"),
        ({"a": {"_target_": "torch.nn.ReLU"}}, "has to be a lightning Logger"),
        ({"a": {"_target_": f"{LOGGERS}.CSVLogger", "save_dir": "/x"}}, "save_dir is set by"),
        ({"../a": {"_target_": f"{LOGGERS}.CSVLogger"}}, "is no name"),
        ({"a": {"_target_": f"{LOGGERS}.CSVLogger", "prefixx": "x"}}, "prefixx"),
    ],
)
def test_what_is_no_logger_is_refused_before_training(options: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        logger_factory(options, {})


@pytest.mark.skipif(find_spec("wandb") is not None, reason="it is installed")
def test_wandb_is_named_where_it_is_missing() -> None:
    with pytest.raises(UserError, match=r"trainer.logger.wandb: .*pip install.*wandb"):
        logger_factory({"wandb": {"_target_": f"{LOGGERS}.WandbLogger", "project": "x"}}, {})


def test_a_callback_may_not_do_what_imbclf_does_itself() -> None:
    checkpoints = {"x": {"_target_": f"{CALLBACKS}.ModelCheckpoint"}}
    (made,) = callback_factory(checkpoints)()
    with pytest.raises(UserError, match=r"trainer.callbacks: .*ModelCheckpoint"):
        trainer_factory(partial(L.Trainer, max_epochs=1), "32-true", False, [made])


def test_resuming_trusts_shipped_extensions_with_their_own_options_alone() -> None:
    logger = {"_target_": f"{LOGGERS}.CSVLogger"}
    stopping = {"_target_": "imbclf.training.EarlyStopping", "patience": 2}
    callbacks = {"early_stopping": stopping}

    def untrusted(trainer: dict[str, object]) -> list[str]:
        return untrusted_calls(DictConfig({"trainer": trainer}), Path("run"))

    assert untrusted({"callbacks": callbacks, "logger": {"csv": logger}}) == []
    moved = untrusted({"logger": {"csv": {**logger, "name": "/etc"}}})
    assert moved == [f"trainer.logger.csv._target_={LOGGERS}.CSVLogger"]
    assert untrusted({"logger": {"other": logger}})
    assert untrusted({"callbacks": {"early_stopping": {"_target_": "os.system"}}})
    assert untrusted({"callbacks": [{"_target_": "mine.Callback"}]})
