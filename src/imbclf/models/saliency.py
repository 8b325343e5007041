"""Where in an image a network looks, as a map of how much each pixel moves its logit."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

NOISE = 0.1  # deviation of the noise, of the range of colors, as Smilkov et al. suggest
BLUR = 0.02  # deviation of the final smoothing, of the image's longer side


def smooth_gradients(
    network: nn.Module,
    images: NDArray[np.uint8],
    device: torch.device,
    samples: int = 16,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Return for each pixel how much it moves the logit, 0 to 1: SmoothGrad.

    mean over `samples` noisy copies of (d logit / d pixel)^2, summed over colors, smoothed a
    little; the 99th percentile of an image and what is above it become 1. It works for
    any network with gradients, and costs `samples` training steps for each image. The random state
    of the caller is restored.

    Args:
        network: images `[B, H, W, 3]` in 0..255 to logits `[B]`; it is put in evaluation mode.
        images: uint8 `[N, H, W, 3]`.
        device: where to compute.
        samples: noisy copies.
        seed: of the noise.

    Returns:
        float64 `[N, H, W]`.

    Source: Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017; squared as in
    Hooker et al., "A benchmark for interpretability methods", NeurIPS 2019. Computed by captum.

    >>> class LeftHalf(nn.Module):
    ...     def forward(self, images): return images[:, :, :2].sum((1, 2, 3))
    >>> images = np.zeros((1, 4, 4, 3), np.uint8)
    >>> smooth_gradients(LeftHalf(), images, torch.device("cpu"))[0, 0].round(1).tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    from captum.attr import NoiseTunnel, Saliency  # slow to import and needed for reports only

    network = network.to(device).eval()
    method = NoiseTunnel(Saliency(network))
    maps = []
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        for image in images:
            torch.manual_seed(seed)  # an image's map does not depend on the other images
            batch = torch.from_numpy(image[None]).to(device).float().requires_grad_()
            squares: Tensor = method.attribute(
                batch, nt_type="smoothgrad_sq", nt_samples=samples, stdevs=255 * NOISE, abs=False
            )
            maps.append(squares.sum(dim=3)[0].detach().double().cpu().numpy())
    return np.stack([_scaled(values) for values in maps])


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if not np.isfinite(values).all():  # squares overflow in a network that diverged
        return np.zeros_like(values)
    smooth = gaussian_filter(values, BLUR * max(values.shape))
    top = float(np.quantile(smooth, 0.99))
    return np.asarray((smooth / top).clip(0, 1)) if top > 0 else np.zeros_like(values)
