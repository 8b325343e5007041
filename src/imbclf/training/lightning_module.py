"""A backbone and a loss as a Lightning module that is scored on dev after every epoch."""

from collections.abc import Mapping
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.utils.data import DistributedSampler

from imbclf.errors import DivergedError, UserError
from imbclf.metrics.error_rates import binary_report
from imbclf.metrics.hter_metric import HTER
from imbclf.metrics.thresholds import Method
from imbclf.models.backbone import Backbone
from imbclf.models.probes.build import build_probe, with_probe
from imbclf.prediction.decision_rule import CHECKPOINT_KEY, decision_rule
from imbclf.training.optim import OptimizerRecipe
from imbclf.training.running_loss import RunningLoss

CHECK_EVERY = 32  # steps on a GPU between two checks that the loss is still finite
OLD_PROBE = "backbone.probe."
Batch = tuple[Tensor, Tensor] | tuple[Tensor, Tensor, Tensor]  # images, labels, maybe row numbers


class BinaryClassifier(L.LightningModule):
    """Train a one-logit backbone under a loss and score it on dev after every epoch.

    It works in any `lightning.Trainer`, with batches (images, labels) or (images, labels, rows):
    uint8 images `[N, H, W, 3]`, labels `[N]` that are 0 or 1 (in training also between them). After
    each epoch of validation it chooses a decision threshold and logs `train/loss`, `dev/loss`,
    `dev/threshold`, `dev/hter`, `dev/auroc` and the rest of a `binary_report`, for callbacks such
    as `EarlyStopping(monitor="dev/hter")`. A loss with a schedule needs the callback `Progress`.

    Under the key `imbclf`, its checkpoints hold the plain values that prediction needs in addition
    to the weights: the architecture, the decision rule of that epoch, and `metadata`.

    Args:
        backbone: uint8 images `[N, H, W, 3]` to logits `[N]`.
        loss: `(logits[N], targets[N]) -> scalar`.
        optim: the optimizer and its schedule.
        threshold: how the decision threshold is chosen on dev.
        seed: with the epoch, the seed of dropout and other random draws.
        metadata: further plain values for the checkpoint (image size, label names).
        fold: its number, for messages.

    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> from imbclf.models import build_backbone
    >>> recipe = OptimizerRecipe(torch.optim.Adam, lr=1e-3)
    >>> model = BinaryClassifier(build_backbone("squeezenet1_1"), nn.BCEWithLogitsLoss(), recipe)
    >>> images = torch.randint(256, (8, 32, 32, 3), dtype=torch.uint8)
    >>> data = DataLoader(TensorDataset(images, torch.tensor([0, 1] * 4)), batch_size=4)
    >>> trainer = L.Trainer(max_epochs=1)  # doctest: +SKIP
    >>> trainer.fit(model, data, data)  # doctest: +SKIP
    >>> trainer.callback_metrics["dev/hter"]  # doctest: +SKIP
    """

    def __init__(
        self,
        backbone: Backbone,
        loss: nn.Module,
        optim: OptimizerRecipe,
        threshold: Method = "smoothed",
        seed: int = 0,
        metadata: Mapping[str, Any] | None = None,
        fold: int = 0,
    ) -> None:
        super().__init__()
        self.backbone, self.loss, self.fold = backbone, loss, fold
        self.probe = build_probe(backbone)
        self.optim, self.threshold_method, self.seed = optim, threshold, seed
        self.metadata: dict[str, Any] = {**(metadata or {}), "architecture": backbone.architecture}
        self.epoch_metrics: dict[str, float] = {}
        self.dev_hter = HTER(threshold=0.0)
        self._dev: list[tuple[Tensor, Tensor]] = []
        self._running = RunningLoss()
        self.has_begun = False  # training, with everything restored from a checkpoint

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits `[N]`, averaged with the probe's if any, of uint8 `[N, H, W, 3]`."""
        logits: Tensor = with_probe(self.backbone, self.probe)(images)
        return logits

    def on_train_start(self) -> None:
        """Record that training has begun."""
        self.has_begun = True

    def on_train_epoch_start(self) -> None:
        """Seed the epoch and the device, so that a resumed training draws the same numbers.

        Each device has its own seed.
        """
        rank = [self.global_rank] if self.global_rank else []
        generator = np.random.default_rng([self.seed, self.current_epoch, *rank])
        torch.manual_seed(int(generator.integers(2**31)))
        self._running = RunningLoss()

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Return the loss of one batch, and its logits for callbacks."""
        logits = self.backbone(batch[0])
        loss = self.training_loss(logits, batch)
        self._running.update(loss, len(logits))
        # Not after every step on a GPU, where this waits for the device.
        if self._running.steps % CHECK_EVERY == 0 or loss.device.type == "cpu":
            self._check_finite()
        return {"loss": loss, "logits": logits.detach()}

    def training_loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the loss of the logits `[N]` of a training batch, a scalar."""
        return self._scalar_loss(logits, batch[1].float())

    def validation_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002
        """Keep the logits of one dev batch until the end of the epoch."""
        self._dev.append((self(batch[0]).float(), batch[1]))

    def on_validation_epoch_end(self) -> None:
        """Choose the decision rule of this epoch on dev and log its metrics there."""
        logits, labels = self._dev_scores()
        if self.trainer.sanity_checking:  # a few batches, maybe of one class
            return
        train_loss, dev_loss = self._mean_loss(), self._final_loss(logits, labels.float())
        self._check_finite(logits)
        scores, truth = logits.double().cpu().numpy(), labels.cpu().numpy()
        rule = decision_rule(scores, truth, self.threshold_method)
        self.metadata |= {"epoch": self.current_epoch, **rule}
        report = binary_report(scores, truth, rule["threshold"])
        self.epoch_metrics = {
            "train/loss": train_loss,
            "dev/loss": dev_loss,
            "dev/threshold": rule["threshold"],
            **{f"dev/{name}": value for name, value in report.items()},
        }
        self.dev_hter.threshold = rule["threshold"]
        self.dev_hter.update(logits, labels)
        self._log_epoch()

    def _dev_scores(self) -> tuple[Tensor, Tensor]:
        """Return the logits and labels of the whole dev part, and clear them."""
        logits, labels = (torch.cat(parts) for parts in zip(*self._dev, strict=True))
        self._dev.clear()
        sampler = getattr(self.trainer.val_dataloaders, "sampler", None)
        if isinstance(sampler, DistributedSampler):  # each device has its share, of equal size
            gather = self.trainer.strategy.all_gather
            logits, labels = gather(logits).flatten(), gather(labels).flatten()
        return logits, labels

    def _log_epoch(self) -> None:
        """Log `epoch_metrics`, in float64 if the device has it."""
        dtype = torch.float32 if self.device.type == "mps" else torch.float64
        several = self.trainer.world_size > 1
        for name, value in self.epoch_metrics.items():
            exact = torch.tensor(value, dtype=dtype, device=self.device)
            metric = self.dev_hter if name == "dev/hter" else exact
            self.log(name, metric, sync_dist=several)
        # Lightning would add its own, which counts from 0.
        self.log("epoch", torch.tensor(self.current_epoch + 1, dtype=dtype), sync_dist=several)

    def _mean_loss(self) -> float:
        """Return the mean loss of the epoch's images on all devices."""
        if self.trainer.world_size == 1:
            return self._running.mean()
        return self._running.mean(
            lambda own: self.trainer.strategy.reduce(own.to(self.device), reduce_op="sum")
        )

    def _final_loss(self, logits: Tensor, targets: Tensor) -> float:
        """Return the loss with the weights of the end of training, which makes epochs comparable.

        `Progress` resets the schedule at the start of the next epoch.
        """
        set_progress = getattr(self.loss, "set_progress", None)
        if set_progress is not None:
            set_progress(1.0)
        return float(self._scalar_loss(logits, targets))

    def _scalar_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of a batch.

        Raises:
            UserError: the loss gave something else than one number.
        """
        loss = self.loss(logits, targets)
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            shape = list(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__
            raise UserError(
                f"loss: {type(self.loss).__name__} gave {shape} for a batch of {len(logits)}; "
                "expected one number, such as the mean (reduction='mean')"
            )
        return loss.squeeze()

    def _check_finite(self, dev: Tensor | None = None) -> None:
        if step := self._running.first_bad_step():
            what = f"step {step}: the loss is no longer finite ({float(self._running.total)})"
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
        """Return the optimizer and its per-step schedule over the whole training."""
        optimizer = self.optim.build(self.backbone, self.loss.parameters())
        scheduler = self.optim.scheduler(optimizer, int(self.trainer.estimated_stepping_batches))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the plain values that prediction needs."""
        checkpoint[CHECKPOINT_KEY] = self.metadata

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Rename the probe's weights of version 0.1, whose probe was part of the backbone."""
        for key in ("state_dict", "current_model_state"):
            if state := checkpoint.get(key):
                checkpoint[key] = {
                    name.removeprefix("backbone.") if name.startswith(OLD_PROBE) else name: tensor
                    for name, tensor in state.items()
                }
