"""Fuse batch norms into convolutions, for networks that are only evaluated."""

from collections import Counter

from torch import Tensor, nn
from torch.fx import Graph
from torch.fx.node import Argument, Node
from torch.fx.proxy import GraphAppendingTracer, Proxy
from torch.nn.utils.fusion import fuse_conv_bn_eval

from imbclf.models.fast_conv.dense import DenseConv2d
from imbclf.models.fast_conv.depthwise import DepthwiseConv2d
from imbclf.models.fast_conv.replace import replace_modules
from imbclf.models.fast_conv.strided import StridedConv2d

CONVOLUTIONS = (nn.Conv2d, DenseConv2d, DepthwiseConv2d, StridedConv2d)
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def fuse_batch_norms(network: nn.Module) -> nn.Module:
    """Return a network whose batch norms are fused into the convolutions before them.

    w' = w g, b' = (b - mean) g + shift, where g = scale / sqrt(variance + epsilon). The outputs
    differ by rounding alone. In float32 that saves a tenth to a third of the time.

    `network` stays unchanged, so that other threads may use it meanwhile. It is returned itself if
    no batch norm follows a convolution, or if that cannot be determined.

    Args:
        network: in evaluation mode.

    >>> network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)).eval()
    >>> [type(layer).__name__ for layer in fuse_batch_norms(network)]
    ['Conv2d', 'Identity']
    """
    normalized = any(type(layer) is nn.BatchNorm2d for layer in network.modules())
    compiled = getattr(network, "_compiled_call_impl", None) is not None  # no public attribute
    if not normalized or compiled:
        return network
    try:
        calls = _record_calls(network)
    except Exception:  # a user's network may raise anything on symbolic inputs
        return network
    replacements: dict[nn.Module, nn.Module] = {}
    for convolution, norm in _fusible_pairs(network, calls):
        replacements[convolution] = fuse_conv_bn_eval(convolution, norm)
        replacements[norm] = nn.Identity()
    return replace_modules(network, replacements)


class _Recorder(GraphAppendingTracer):
    """Record calls; tensor arguments that are not results of calls are ignored."""

    def create_arg(self, a: object) -> Argument:
        return None if isinstance(a, Tensor) else super().create_arg(a)


class _RecordedLayer(nn.Module):
    """Record calls of a layer instead of computing them."""

    def __init__(self, name: str, recorder: _Recorder) -> None:
        super().__init__()
        self.name, self.recorder = name, recorder

    def forward(self, *args: object, **kwargs: object) -> Proxy:
        """Return a symbolic result."""
        result: Proxy = self.recorder.create_proxy("call_module", self.name, args, kwargs)
        return result


def _record_calls(network: nn.Module) -> Graph:
    """Return the calls of a network's layers and of functions, traced symbolically.

    `torch.fx.symbolic_trace` would patch `nn.Module` meanwhile, for all threads.
    """
    graph = Graph()
    recorder = _Recorder(graph)
    recorded = {
        layer: _RecordedLayer(name, recorder)
        for name, layer in network.named_modules()
        if isinstance(layer, CONVOLUTIONS)
        or (type(layer).__module__.startswith("torch.nn") and not isinstance(layer, CONTAINERS))
    }
    symbolic = replace_modules(network, recorded)
    graph.output(recorder.create_arg(symbolic(recorder.create_proxy("placeholder", "x", (), {}))))
    return graph


def _fusible_pairs(network: nn.Module, calls: Graph) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Return pairs of a convolution and the batch norm that alone reads its output."""
    layers = dict(network.named_modules())
    times = Counter(call.target for call in calls.nodes)
    pairs = []
    for call in calls.nodes:
        source = call.args[0] if call.args else None
        if not isinstance(source, Node) or len(source.users) > 1:
            continue
        first, second = layers.get(str(source.target)), layers.get(str(call.target))
        # Subclasses may compute anything, and a layer that is called twice cannot be fused.
        if (
            isinstance(first, nn.Conv2d)
            and type(first) in CONVOLUTIONS
            and type(second) is nn.BatchNorm2d
            and second.track_running_stats
            and times[source.target] == times[call.target] == 1
        ):
            pairs.append((first, second))
    return pairs
