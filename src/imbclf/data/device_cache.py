"""Images that lie on the device that uses them, so that no batch waits for the bus."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SHARE = 0.4  # of the free memory that images may take: the rest is for activations
BLOCK = 4096  # images copied at once

Pixels = NDArray[np.uint8] | Tensor


@dataclass(frozen=True)
class MemmapReference:
    """Where a memory map of images lies, which costs nothing to send to another process."""

    file: Path
    shape: tuple[int, ...]


def to_reference(pixels: Pixels) -> Pixels | MemmapReference:
    """Return the place of a memory map that spans its file; anything else as it is."""
    file = getattr(pixels, "filename", None)
    whole = file is not None and Path(file).stat().st_size == pixels.nbytes
    return MemmapReference(Path(str(file)), tuple(pixels.shape)) if whole else pixels


def open_reference(pixels: Pixels | MemmapReference) -> Pixels:
    """Undo `to_reference`, in whatever process."""
    if not isinstance(pixels, MemmapReference):
        return pixels
    return np.memmap(pixels.file, dtype=np.uint8, mode="r", shape=pixels.shape)


def cache_on_device(pixels: NDArray[np.uint8], device: torch.device) -> Pixels:
    """Copy all images to a GPU if they fit in 40 % of its free memory; else give them as they are.

    Args:
        pixels: uint8 `[N, H, W, 3]`; a memory map serves.
        device: that will train.
    """
    if device.type != "cuda":
        return pixels
    free, _ = torch.cuda.mem_get_info(device)
    return copy_to_device(pixels, device) if pixels.nbytes <= SHARE * free else pixels


def copy_to_device(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Copy all images, a block at a time.

    >>> copy_to_device(np.ones((3, 2, 2, 3), np.uint8), torch.device("cpu")).sum().item()
    36
    """
    copied = torch.empty(pixels.shape, dtype=torch.uint8, device=device)
    for start in range(0, len(pixels), BLOCK):
        block = np.array(pixels[start : start + BLOCK])  # from_numpy warns of a read-only map
        copied[start : start + BLOCK] = torch.from_numpy(block)
    return copied


def take_images(pixels: Pixels, rows: NDArray[np.int64]) -> Tensor:
    """Return some images, uint8 `[len(rows), H, W, 3]`, where the images lie.

    >>> images = np.arange(3, dtype=np.uint8)[:, None, None, None].repeat(3, 3)
    >>> take_images(images, np.array([2, 0])).flatten().tolist()
    [2, 2, 2, 0, 0, 0]
    >>> take_images(torch.from_numpy(images), np.array([2, 0])).flatten().tolist()
    [2, 2, 2, 0, 0, 0]
    """
    if isinstance(pixels, Tensor):
        return pixels.index_select(0, torch.from_numpy(rows).to(pixels.device))
    return torch.from_numpy(pixels[rows])
