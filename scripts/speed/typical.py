"""The loop that people write: images opened one by one, worker processes, float32, plain torch."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import models, transforms

from speed.bare import WARM_UP, Setting, stopwatch
from speed.pictures import Pictures
from speed.table import cores

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PictureDataset(Dataset[tuple[Tensor, float]]):
    """Images opened one by one, as in every tutorial."""

    def __init__(
        self,
        files: Sequence[str],
        labels: NDArray[np.int64],
        training: bool,
        size: tuple[int, int] | None = None,
    ) -> None:
        self.files, self.labels = files, labels
        resized = [] if size is None else [transforms.Resize(size)]
        mirrored = [transforms.RandomHorizontalFlip()] if training else []
        usual = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
        self.transform = transforms.Compose([*resized, *mirrored, *usual])

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, float]:
        image = Image.open(self.files[index]).convert("RGB")
        return self.transform(image), float(self.labels[index])


def typical_epoch(setting: Setting, pictures: Pictures) -> float:
    """Train on the fit part and score dev as people do; return the seconds."""
    network = _typical_network(setting)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    loss_of = nn.BCEWithLogitsLoss()
    network.train()
    noise = torch.randn(setting.batch, 3, *pictures.shape, device=setting.device)
    for _ in range(WARM_UP):
        network(noise).sum().backward()
    with stopwatch(setting.device) as seconds:
        total = 0.0
        for images, targets in _loader(setting, pictures, pictures.fold.fit, training=True):
            optimizer.zero_grad()
            logits = network(images.to(setting.device)).squeeze(1)
            loss = loss_of(logits, targets.float().to(setting.device))
            loss.backward()
            optimizer.step()
            total += loss.item()
        _typical_scores(network, setting, pictures, pictures.fold.dev)
    return seconds[0]


def typical_scoring(setting: Setting, pictures: Pictures) -> float:
    """Score all images as people do; return the seconds."""
    network = _typical_network(setting)
    with stopwatch(setting.device) as seconds:
        _typical_scores(network, setting, pictures, np.arange(len(pictures)))
    return seconds[0]


@torch.no_grad()
def _typical_scores(
    network: nn.Module, setting: Setting, pictures: Pictures, rows: NDArray[np.int64]
) -> list[float]:
    network.eval()
    scores: list[float] = []
    for images, _ in _loader(setting, pictures, rows, training=False):
        scores += network(images.to(setting.device)).squeeze(1).sigmoid().tolist()
    return scores


def _typical_network(setting: Setting) -> nn.Module:
    network: nn.Module = models.get_model(setting.model, weights=None, num_classes=1)
    return network.to(setting.device)


def _loader(
    setting: Setting, pictures: Pictures, rows: NDArray[np.int64], training: bool
) -> DataLoader[tuple[Tensor, float]]:
    files = [pictures.files[row] for row in rows]
    return DataLoader(
        PictureDataset(
            files, pictures.labels[rows], training, pictures.shape if pictures.is_resized else None
        ),
        batch_size=setting.batch,
        shuffle=training,
        num_workers=cores(),
        pin_memory=setting.device.type == "cuda",
    )
