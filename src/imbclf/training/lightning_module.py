"""A backbone and a loss, trained; what it reaches on dev is known after every epoch."""

from collections.abc import Mapping
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from imbclf.errors import DivergedError
from imbclf.metrics.error_rates import binary_report
from imbclf.metrics.thresholds import Method
from imbclf.models.backbone import Backbone
from imbclf.prediction.decision_rule import CHECKPOINT_KEY, decision_rule
from imbclf.training.optim import OptimizerRecipe

LOOK = 32  # steps on a GPU between two looks at whether the loss is still finite
Batch = tuple[Tensor, Tensor, Tensor]  # images, labels, their rows in the data set


class BinaryClassifier(L.LightningModule):
    """Train a one-logit backbone under a loss and judge it on dev after every epoch.

    Its checkpoints carry, under the key `imbclf`, the plain values that prediction needs beside
    the weights: the architecture, the decision threshold and calibration of that epoch, and
    whatever `card` adds.

    Args:
        backbone: uint8 images `[N, H, W, 3]` to logits `[N]`.
        loss: `(logits[N], targets[N]) -> scalar`.
        optim: the optimizer and its schedule.
        threshold: how the decision threshold is chosen on dev.
        seed: with the epoch, what dropout and the like draw from.
        card: further plain values for the checkpoint (image size, spelling of the labels).
        fold: its number, for messages.
    """

    def __init__(
        self,
        backbone: Backbone,
        loss: nn.Module,
        optim: OptimizerRecipe,
        threshold: Method,
        seed: int,
        card: Mapping[str, Any],
        fold: int = 0,
    ) -> None:
        super().__init__()
        self.backbone, self.loss, self.fold = backbone, loss, fold
        self.optim, self.threshold_method, self.seed = optim, threshold, seed
        self.card: dict[str, Any] = {**card, "architecture": backbone.architecture}
        self.epoch_metrics: dict[str, float] = {}
        self._dev: list[tuple[Tensor, Tensor]] = []
        self._loss_sum: Tensor | float = 0.0
        self._images = self._steps = 0
        self._finite: Tensor | int = 0  # steps until the sum of losses was no longer finite
        self.has_begun = False  # to train, all that a checkpoint holds having been taken up

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits `[N]` of uint8 images `[N, H, W, 3]`."""
        logits: Tensor = self.backbone(images)
        return logits

    def on_train_start(self) -> None:
        """Note that training begins."""
        self.has_begun = True

    def on_train_epoch_start(self) -> None:
        """Start the epoch from its own seed: what it draws does not depend on how it got here.

        Nor do two devices draw the same.
        """
        rank = [self.global_rank] if self.global_rank else []
        generator = np.random.default_rng([self.seed, self.current_epoch, *rank])
        torch.manual_seed(int(generator.integers(2**31)))
        self._loss_sum, self._images, self._steps, self._finite = 0.0, 0, 0, 0

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the loss of one batch, and its logits for whoever watches training.

        Its targets are float32 `[N]`, labels or between them.
        """
        images, targets, _ = batch
        logits = self(images)
        loss: Tensor = self.loss(logits, targets)
        self._loss_sum = self._loss_sum + loss.detach() * len(targets)
        self._images += len(targets)
        self._steps += 1
        self._finite = self._finite + self._loss_sum.isfinite()
        # A GPU would have to be waited for.
        if self._steps % LOOK == 0 or loss.device.type == "cpu":
            self._refuse_if_not_finite(self._loss_sum)
        return {"loss": loss, "logits": logits.detach()}

    def validation_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Keep the logits of one dev batch until the epoch's end."""
        images, labels, _ = batch
        self._dev.append((self(images).float(), labels))

    def on_validation_epoch_end(self) -> None:
        """Choose this epoch's threshold and calibration on dev and log what it reaches there."""
        logits, labels = (torch.cat(parts) for parts in zip(*self._dev, strict=True))
        self._dev.clear()
        train_loss, dev_loss = self._mean_loss(), self._final_loss(logits, labels.float())
        logits, labels = logits.cpu(), labels.cpu()
        self._refuse_if_not_finite(self._loss_sum, logits)
        scores, truth = logits.double().numpy(), labels.numpy()
        rule = decision_rule(scores, truth, self.threshold_method)
        self.card |= {"epoch": self.current_epoch, **rule}
        report = binary_report(scores, truth, rule["threshold"])
        self.epoch_metrics = {
            "train/loss": train_loss,
            "dev/loss": dev_loss,
            "dev/threshold": rule["threshold"],
            **{f"dev/{name}": value for name, value in report.items()},
        }

    def _mean_loss(self) -> float:
        """Return the mean loss of the epoch's images, those of all devices."""
        if not self._images:
            return float("nan")
        if self.trainer.world_size == 1:
            return float(self._loss_sum) / self._images
        own = torch.stack([torch.as_tensor(self._loss_sum), torch.tensor(float(self._images))])
        loss_sum, images = self.trainer.strategy.reduce(own.to(self.device), reduce_op="sum")
        return float(loss_sum) / float(images)

    def _final_loss(self, logits: Tensor, targets: Tensor) -> float:
        """Return the loss as it is at the end of training, by which epochs can be compared.

        A schedule of its weights is told at the start of the next epoch where training stands.
        """
        set_progress = getattr(self.loss, "set_progress", None)
        if set_progress is not None:
            set_progress(1.0)
        return float(self.loss(logits, targets))

    def _refuse_if_not_finite(self, loss_sum: Tensor | float, dev: Tensor | None = None) -> None:
        step = int(self._finite)
        if step < self._steps:
            what = f"step {step + 1}: the loss is no longer finite ({float(loss_sum)})"
        elif dev is None or bool(dev.isfinite().all()):
            return
        else:
            what = "the scores of dev are no longer finite"
        raise DivergedError(
            f"fold {self.fold}, epoch {self.current_epoch + 1}, {what}. Usual causes: a learning "
            "rate too high (lower optim.lr, or optim.warmup=0.1), or 16-bit arithmetic "
            "(trainer.precision=32). The best epoch before it is kept"
        )

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Make the optimizer and its per-step schedule over the whole training."""
        optimizer = self.optim.build(self.backbone, self.loss.parameters())
        scheduler = self.optim.scheduler(optimizer, int(self.trainer.estimated_stepping_batches))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the card: what prediction needs beside the weights."""
        checkpoint[CHECKPOINT_KEY] = self.card
