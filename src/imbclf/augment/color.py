"""Brightness, contrast and saturation jitter in one step."""

import torch
from torch import Tensor

GRAY = (0.299, 0.587, 0.114)


def jitter(images: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Return images with brightness, contrast and saturation scaled by factors; 1 is no change.

    b (c (s x + (1 - s) g) + (1 - c) m), where g is the gray value (ITU-R BT.601) of the pixel x and
    m the mean gray value of the image: torchvision's adjust_saturation, adjust_contrast and
    adjust_brightness in this order, but clipped to 0..255 only once, at the end.

    Args:
        images: `[N, H, W, 3]` in 0..255.
        brightness: factors b, 0 or more, `[N]`.
        contrast: factors c, 0 or more, `[N]`.
        saturation: factors s, 0 or more, `[N]`.

    Returns:
        Floating point `[N, H, W, 3]` in 0..255.

    >>> image = torch.tensor([[[[10, 20, 30]]]], dtype=torch.uint8)
    >>> jitter(image, torch.tensor([2.0]), torch.ones(1), torch.ones(1)).flatten().tolist()
    [20.0, 40.0, 60.0]
    """
    pixels = images.to(brightness.dtype)
    gray = pixels @ pixels.new_tensor(GRAY)
    own = brightness * contrast * saturation
    mean = brightness * (1 - contrast) * gray.mean((1, 2))
    added = gray * (brightness * contrast * (1 - saturation))[:, None, None] + mean[:, None, None]
    return torch.addcmul(added[..., None], pixels, own[:, None, None, None]).clamp_(0, 255)
