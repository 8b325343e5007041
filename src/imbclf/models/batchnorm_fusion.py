"""Batch normalization that costs nothing where a network only scores many images."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

from torch import nn
from torch.fx.experimental.optimization import fuse

from imbclf.models.fast_conv.replace import use_plain_convolutions, use_small_map_convolutions


@contextmanager
def folded(model: nn.Module, precision: str | int) -> Iterator[None]:
    """Let `model.network` do with fewer steps, as long as the context lasts, what it does anyway.

    A batch norm after a convolution becomes part of it: w' = w g, b' = (b - mean) g + shift, where
    g = scale / sqrt(variance + epsilon). The features differ by rounding alone. In float32 that
    spares a tenth to a third of the time; in fewer bits w' would be rounded anew, and little is
    gained: there nothing is done.

    Only for a process that does nothing else meanwhile: the other threads' calls of any network
    fail while torch.fx reads this one. That takes as long as a few thousand small images.

    Args:
        model: in evaluation mode; its weights may not change within the context.
        precision: a resolved Lightning precision.

    >>> model = nn.Module().eval()
    >>> model.network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)).eval()
    >>> with folded(model, "32-true"):
    ...     print([type(layer).__name__ for layer in model.network.children()])
    ['Conv2d']
    >>> [type(layer).__name__ for layer in model.network.children()]
    ['Conv2d', 'BatchNorm2d']
    """
    model = getattr(model, "backbone", model)  # beside a probe
    network = getattr(model, "network", None)
    if precision != "32-true" or not isinstance(network, nn.Module):
        yield
        return
    model.network = without_batch_norms(network)
    try:
        yield
    finally:
        model.network = network


def without_batch_norms(network: nn.Module) -> nn.Module:
    """Return a copy with batch norms fused into convolutions; the network where none can be.

    Args:
        network: in evaluation mode.
    """
    normalized = any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    compiled = getattr(network, "_compiled_call_impl", None) is not None  # torch's own word for it
    if not normalized or compiled:
        return network
    plain = deepcopy(network)
    use_plain_convolutions(plain)  # torch.fx looks for these
    try:
        copy: nn.Module = fuse(plain, inplace=True)
    except Exception:  # a network of the user's own that torch.fx cannot read, for any reason
        return network
    use_small_map_convolutions(copy)
    return copy
