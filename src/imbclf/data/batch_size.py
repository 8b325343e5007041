"""How many images make a training step, where that is left to their number."""

LARGEST, LEAST = 128, 16
STEPS = 20  # of an epoch


def batch_size_for(images: int, devices: int = 1) -> int:
    """Return the size of a batch, on each device, that leaves an epoch steps enough.

    The largest of 128, 64, 32 and 16 images, on all devices, that make at least 20 steps of the
    images to fit; never more than there are. A network that is fine-tuned for a few epochs is
    better after many small steps than after few large ones: see docs/recipes.md.

    Args:
        images: of the fit part.
        devices: that share a step.

    >>> [batch_size_for(images) for images in (40, 500, 900, 2000, 2700)]
    [16, 16, 32, 64, 128]
    >>> batch_size_for(8400, devices=2)
    64
    """
    size = LARGEST
    while size > LEAST and images < STEPS * size:
        size //= 2
    return max(1, min(size, images) // devices)
