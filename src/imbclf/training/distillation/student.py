"""A student: a network that learns from the labels and from the opinion of fold models."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.training.lightning_module import Batch, BinaryClassifier


class Teacher:
    """The mean logit of fold models, which learn nothing themselves.

    It is no `nn.Module`, so that its weights are no part of a student's.

    Args:
        networks: images `[N, H, W, 3]` in 0..255, uint8 or floating point, to logits `[N]`.
        share: of the student's loss that imitates them, above 0 to 1.

    >>> teacher = Teacher([nn.Flatten(0), nn.Flatten(0)], share=0.5)
    >>> teacher(torch.tensor([[1.0], [3.0]])).tolist()
    [1.0, 3.0]
    """

    def __init__(self, networks: Sequence[nn.Module], share: float) -> None:
        self.networks = [network.eval().requires_grad_(False) for network in networks]
        self.share = share

    def move_to(self, device: torch.device) -> None:
        """Move the networks to a device."""
        for network in self.networks:
            network.to(device)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Return the mean logits, float32 `[N]`."""
        return torch.stack([network(images).float() for network in self.networks]).mean(dim=0)


class Student(BinaryClassifier):
    """Train a network on its own loss and on the opinion of a teacher on the same batch.

    loss = (1 - share) loss(f, y) + share BCE(f, sigmoid(g))

    with the student's logits f, targets y and the teacher's logits g of the same augmented, mixed
    images: teacher and student see the very same pixels. The fold models were trained by the run's
    recipe, so that their logits are what the recipe's loss and sampler lead to, whatever these are.

    Sources: Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network", 2015; Beyer
    et al., "Knowledge distillation: a good teacher is patient and consistent", CVPR 2022, for the
    same view.

    Attributes:
        teacher: of the student; set before training.
    """

    teacher: Teacher

    def on_train_start(self) -> None:
        """Move the teacher to the device of the training."""
        super().on_train_start()
        self.teacher.move_to(self.device)

    def training_loss(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the loss of a training batch."""
        share = self.teacher.share
        opinion = self.teacher(batch[0]).sigmoid()
        imitation = F.binary_cross_entropy_with_logits(logits.float(), opinion)
        if share == 1:
            return imitation
        return (1 - share) * super().training_loss(logits, batch) + share * imitation
