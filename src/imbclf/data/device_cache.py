"""Images in the memory of the training device, which avoids copying each batch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SHARE = 0.4  # of the free memory, for images; the rest is for activations
BLOCK = 4096  # images per copy

Pixels = NDArray[np.uint8] | Tensor


@dataclass(frozen=True)
class MemmapReference:
    """File and shape of a memory map of images: cheap to pickle, unlike the images."""

    file: Path
    shape: tuple[int, ...]


def to_reference(pixels: Pixels) -> Pixels | MemmapReference:
    """Return a reference to a memory map that spans its file, and other arrays unchanged."""
    file = getattr(pixels, "filename", None)
    whole = file is not None and Path(file).stat().st_size == pixels.nbytes
    return MemmapReference(Path(str(file)), tuple(pixels.shape)) if whole else pixels


def open_reference(pixels: Pixels | MemmapReference) -> Pixels:
    """Return the images of a reference; inverse of `to_reference`, in any process."""
    if not isinstance(pixels, MemmapReference):
        return pixels
    return np.memmap(pixels.file, dtype=np.uint8, mode="r", shape=pixels.shape)


def cache_on_device(pixels: NDArray[np.uint8], device: torch.device) -> Pixels:
    """Return the images, copied to a GPU if they fit in 40 % of its free memory.

    Args:
        pixels: uint8 `[N, H, W, 3]`, possibly a memory map.
        device: the training device; only a GPU gets a copy.
    """
    if device.type != "cuda":
        return pixels
    free, _ = torch.cuda.mem_get_info(device)
    return copy_to_device(pixels, device) if pixels.nbytes <= SHARE * free else pixels


def copy_to_device(pixels: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Return a copy of all images on a device, made block by block.

    >>> copy_to_device(np.ones((3, 2, 2, 3), np.uint8), torch.device("cpu")).sum().item()
    36
    """
    copied = torch.empty(pixels.shape, dtype=torch.uint8, device=device)
    for start in range(0, len(pixels), BLOCK):
        block = np.array(pixels[start : start + BLOCK])  # from_numpy warns about read-only arrays
        copied[start : start + BLOCK] = torch.from_numpy(block)
    return copied


def take_images(pixels: Pixels, rows: NDArray[np.int64]) -> Tensor:
    """Return the images at `rows`, uint8 `[len(rows), H, W, 3]`, on the device of `pixels`.

    >>> images = np.arange(3, dtype=np.uint8)[:, None, None, None].repeat(3, 3)
    >>> take_images(images, np.array([2, 0])).flatten().tolist()
    [2, 2, 2, 0, 0, 0]
    >>> take_images(torch.from_numpy(images), np.array([2, 0])).flatten().tolist()
    [2, 2, 2, 0, 0, 0]
    """
    if isinstance(pixels, Tensor):
        return pixels.index_select(0, torch.from_numpy(rows).to(pixels.device))
    return torch.from_numpy(pixels[rows])
