"""`BinaryClassifier` in a Lightning trainer of somebody else's, and what it logs there."""

from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from imbclf.metrics import HTER
from imbclf.metrics.error_rates import binary_report
from imbclf.models.build import build_backbone
from imbclf.prediction.decision_rule import CHECKPOINT_KEY
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.scoring import score_images
from imbclf.training.lightning_module import BinaryClassifier
from imbclf.training.lightning_warnings import silence_lightning
from imbclf.training.optim import OptimizerRecipe

LABELS = np.array([0] * 24 + [1] * 72)
PIXELS = np.random.default_rng(0).integers(0, 200, (96, 32, 32, 3), dtype=np.uint8)
PIXELS[LABELS == 1, :, :16] += 50
pytestmark = pytest.mark.filterwarnings("ignore")


def classifier(**options: Any) -> BinaryClassifier:  # noqa: ANN401
    torch.manual_seed(0)
    recipe = OptimizerRecipe(torch.optim.Adam, lr=1e-3)
    backbone = build_backbone("shufflenet_v2_x0_5")
    return BinaryClassifier(backbone, nn.BCEWithLogitsLoss(), recipe, **options)


def loader(*columns: Tensor, shuffle: bool = False) -> DataLoader[Any]:
    data = TensorDataset(torch.from_numpy(PIXELS), torch.from_numpy(LABELS), *columns)
    return DataLoader(data, batch_size=12, shuffle=shuffle)


def trainer(*callbacks: L.Callback, **options: Any) -> L.Trainer:  # noqa: ANN401
    silence_lightning()
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    common = {"max_epochs": 1, "accelerator": "cpu", "enable_checkpointing": False, **quiet}
    return L.Trainer(callbacks=list(callbacks), **{**common, **options})


class Epochs(L.Callback):
    """Keeps, after every epoch, what was logged and what the module has."""

    def __init__(self) -> None:
        self.logged: list[dict[str, float]] = []
        self.reached: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.logged.append({key: float(value) for key, value in trainer.callback_metrics.items()})
        assert isinstance(pl_module, BinaryClassifier)
        self.reached.append(dict(pl_module.epoch_metrics))


@pytest.mark.parametrize("columns", [(), (torch.arange(96),)], ids=["pairs", "with rows"])
def test_it_trains_in_a_plain_trainer_with_callbacks_on_its_metrics(
    columns: tuple[Tensor, ...],
) -> None:
    model, epochs = classifier(), Epochs()
    stopping = EarlyStopping(monitor="dev/hter", patience=3)
    before = [parameter.clone() for parameter in model.backbone.parameters()]
    # The check before training is on batches of label 0 alone.
    fit = trainer(epochs, stopping, max_epochs=2)
    fit.fit(model, loader(*columns, shuffle=True), loader(*columns))
    assert not all(map(torch.equal, before, model.backbone.parameters()))
    assert float(stopping.best_score) == min(row["dev/hter"] for row in epochs.logged)
    for logged, reached in zip(epochs.logged, epochs.reached, strict=True):
        assert reached == {name: logged[name] for name in reached}  # to the last bit
    logits = score_images(model.backbone, PIXELS, np.arange(96), torch.device("cpu"))
    report = binary_report(logits, LABELS, model.metadata["threshold"])
    assert epochs.logged[-1]["dev/auroc"] == pytest.approx(report["auroc"])
    assert epochs.logged[-1]["dev/hter"] == pytest.approx(report["hter"])
    hter = HTER(model.metadata["threshold"])
    hter.update(torch.from_numpy(logits), torch.from_numpy(LABELS))
    assert float(hter.compute()) == report["hter"]


def test_its_checkpoints_predict_if_the_metadata_says_how_to_decode_and_to_name(
    tmp_path: Path,
) -> None:
    metadata = {"image_size": [32, 32], "label_names": ["bad", "good"]}
    model = classifier(metadata=metadata)
    keep = ModelCheckpoint(tmp_path, "best", monitor="dev/auroc", mode="max")
    trainer(keep, enable_checkpointing=True).fit(model, loader(shuffle=True), loader())
    stored = torch.load(keep.best_model_path, weights_only=True)
    assert stored[CHECKPOINT_KEY]["epoch"] == 0
    predicted = Predictor.from_checkpoint(Path(keep.best_model_path)).predict_pixels(PIXELS)
    report = binary_report(predicted.scores, LABELS, 0.0)
    assert report["hter"] == pytest.approx(model.epoch_metrics["dev/hter"])


@pytest.mark.slow
def test_devices_that_share_dev_log_what_one_device_logs() -> None:
    logged = []
    for devices, strategy in ((1, "auto"), (2, "ddp_spawn")):
        judge = trainer(devices=devices, strategy=strategy)
        (found,) = judge.validate(classifier(), loader(), verbose=False)
        logged.append({name: value for name, value in found.items() if name != "train/loss"})
    one, two = logged
    assert one.keys() == two.keys() >= {"dev/loss", "dev/hter", "dev/auroc", "dev/far"}
    for name, value in one.items():
        assert two[name] == pytest.approx(value, abs=1e-5), name
