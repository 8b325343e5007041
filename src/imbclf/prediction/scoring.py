"""Logits of many images, the same way wherever a network is judged or used."""

import os
import platform
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from tqdm.auto import tqdm

from imbclf.augment.tta import Tta, views
from imbclf.data.device_cache import Pixels, take_images
from imbclf.errors import UserError
from imbclf.models.scoring_copy import scoring_copy
from imbclf.models.view_average import around_average

MANY = 4096  # images, whose scoring gains more by fused batch norms than fusing them takes
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")  # that images can be scored in
OTHER_NAMES = {"16": "16-mixed", "bf16": "bf16-mixed", "32": "32-true", "64": "64-true"}
DEPTHWISE = 0.2  # torchvision's networks have up to .16 (ConvNeXt) or from .22 (MobileNetV3)


def has_native_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies bfloat16 in hardware, faster than float32.

    >>> isinstance(has_native_bfloat16(torch.device("cpu")), bool)
    True
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        # torch 2.10 does not say.
        able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
        return bool(able.get("avx512_bf16") or able.get("amx_bf16") or able.get("arm_bf16"))
    return False


def check_precision(precision: str | int) -> None:
    """Refuse what images cannot be scored in; training can in all that Lightning knows.

    Raises:
        UserError: says what is expected.
    """
    if _usual_name(precision) not in PRECISIONS:
        raise UserError(f"precision={precision}: expected one of {', '.join(PRECISIONS)}")


def scoring_precision(precision: str | int) -> str | int:
    """Return the precision in which a network is scored that was trained in a resolved one.

    >>> scoring_precision("16-mixed"), scoring_precision("64-true")
    ('16-mixed', '32-true')
    """
    return precision if precision in PRECISIONS else "32-true"


def _usual_name(precision: str | int) -> str | int:
    return OTHER_NAMES.get(str(precision), precision)


def resolve_precision(precision: str | int, device: torch.device, network: nn.Module) -> str | int:
    """Turn `auto` into Lightning's `bf16-mixed` where that trains faster, else `32-true`.

    Lightning's other names of a precision, `bf16`, say, become its usual one.

    It is faster where the device multiplies bfloat16 in hardware, but on a CPU not for networks of
    which a fifth or more is depthwise (`depthwise_share`): there nothing is multiplied that the
    hardware could speed up, and the casts come on top. `scripts/bench.py --forms` shows it.

    >>> resolve_precision(16, torch.device("cpu"), nn.Linear(1, 1))
    '16-mixed'
    >>> resolve_precision("auto", torch.device("cpu"), nn.Conv2d(8, 8, 3, groups=8))
    '32-true'
    """
    if precision != "auto":
        return _usual_name(precision)
    slow = device.type == "cpu" and depthwise_share(network) >= DEPTHWISE
    return "bf16-mixed" if has_native_bfloat16(device) and not slow else "32-true"


def depthwise_share(network: nn.Module) -> float:
    """Return the share of depthwise convolutions in the output channels of all weighted layers.

    >>> depthwise_share(nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 24, 1)))
    0.25
    """
    depthwise = channels = 0
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            channels += layer.out_channels
            depthwise += layer.out_channels * (layer.groups == layer.in_channels > 1)
        elif isinstance(layer, nn.Linear):
            channels += layer.out_features
    return depthwise / max(channels, 1)


def autocast_to(precision: str | int, device: torch.device) -> AbstractContextManager[object]:
    """Return the autocast context of a resolved Lightning precision."""
    if precision == "bf16-mixed":
        return torch.autocast(device.type, torch.bfloat16)
    if precision == "16-mixed":
        return torch.autocast(device.type, torch.float16)
    return nullcontext()


def pick_device(accelerator: str) -> torch.device:
    """Return the device of an accelerator's name: auto, cpu, gpu, cuda or mps.

    `auto` is what training takes: Lightning prefers the GPU of a Mac to CUDA, and both to the CPU.

    Raises:
        UserError: where this machine has no such device.

    >>> pick_device("cpu").type
    'cpu'
    """
    if accelerator == "auto":
        accelerator = "gpu" if _has_mps() or torch.cuda.is_available() else "cpu"
    if accelerator in ("gpu", "mps") and _has_mps():
        return torch.device("mps")
    if accelerator in ("gpu", "cuda") and torch.cuda.is_available():
        return torch.device("cuda")
    if accelerator == "cpu":
        return torch.device("cpu")
    raise UserError(
        f"accelerator={accelerator}: this machine has no such device; expected auto, cpu, gpu, "
        "cuda or mps"
    )


def _has_mps() -> bool:
    """Return whether Lightning would use the GPU of this Mac."""
    is_wanted = os.getenv("DISABLE_MPS", "0") != "1" and platform.processor() in ("arm", "arm64")
    return is_wanted and torch.backends.mps.is_available()


@torch.inference_mode()
def score_images(
    network: nn.Module,
    pixels: Pixels,
    rows: NDArray[np.int64],
    device: torch.device,
    precision: str | int = "32-true",
    batch_size: int = 512,
    tta: Tta = "none",
    progress: str | None = None,
) -> NDArray[np.float64]:
    """Return a network's logits, float64 `[len(rows), ...]`, for some rows of an image array.

    Several threads may score with one network at once. In float32, 4096 images or more are scored
    by its `scoring_copy`, whose logits differ by rounding.

    Args:
        network: uint8 images `[B, H, W, 3]` to logits `[B]`, or to several numbers of each image,
            `[B, M]`; it is put in evaluation mode.
        pixels: uint8 `[N, H, W, 3]`.
        rows: int64, in the order of the answer.
        device: where to compute.
        precision: a resolved Lightning precision.
        batch_size: images at once.
        tta: the logits of an image's `views` are averaged, or its features (`around_average`).
        progress: label of a progress bar, shown on terminals only.

    >>> def brightness(images): return images.float().mean((1, 2, 3))
    >>> class Brightness(nn.Module):
    ...     forward = staticmethod(brightness)
    >>> images = np.arange(3, dtype=np.uint8)[:, None, None, None].repeat(3, 3)
    >>> score_images(Brightness(), images, np.array([2, 0]), torch.device("cpu")).tolist()
    [2.0, 0.0]
    """
    network = network.to(device).eval()
    # In fewer bits, fusing would round the weights.
    if len(rows) >= MANY and precision == "32-true":
        network = scoring_copy(network)
    each, last = around_average(network)
    # In one piece: small arrays that stay, among large ones that come and go, would scatter memory.
    answer = np.empty(len(rows))
    starts = range(0, len(rows), batch_size)
    disable = None if progress else True
    for start in tqdm(starts, desc=progress, disable=disable, leave=False):
        batch = take_images(pixels, rows[start : start + batch_size]).to(device)
        with autocast_to(precision, device):
            logits = last(torch.stack([each(view) for view in views(batch, tta)]).mean(dim=0))
        found = logits.double().cpu().numpy()
        if start == 0 and found.ndim > 1:
            answer = np.empty((len(rows), *found.shape[1:]))
        answer[start : start + batch_size] = found
    return answer
