"""Replace modules of a network without changing it."""

from collections.abc import Mapping
from copy import deepcopy

from torch import nn


def replace_modules(network: nn.Module, replacements: Mapping[nn.Module, nn.Module]) -> nn.Module:
    """Return a network with modules replaced; `network` stays unchanged.

    Only modules that contain a replaced one are copied. All others, and all parameters and
    buffers, are shared with `network`.

    Args:
        network: any module, which may be replaced itself.
        replacements: modules of `network` and their replacements.

    >>> network = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    >>> replaced = replace_modules(network, {network[1]: nn.Identity()})
    >>> replaced[0] is network[0], type(replaced[1]).__name__, type(network[1]).__name__
    (True, 'Identity', 'Dropout')
    """
    if not replacements:
        return network
    # `deepcopy` takes entries of its memo as copies that were made already.
    memo: dict[int, object] = {id(old): new for old, new in replacements.items()}
    for tensor in (*network.parameters(), *network.buffers()):
        memo[id(tensor)] = tensor
    for module in network.modules():
        if replacements.keys().isdisjoint(module.modules()):
            memo[id(module)] = module
    return deepcopy(network, memo)
