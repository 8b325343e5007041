"""Any torchvision classifier as a network with one logit per image."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from math import inf, isfinite
from typing import Any, Literal, TypedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imbclf.errors import UserError
from imbclf.models.fast_conv import fast_network
from imbclf.models.heads import HEADS, Entry, Head, LinearHead, OneClassHead, rebuild_head
from imbclf.models.patch_init import first_convolution
from imbclf.models.pretrained_weights import (
    load_weights,
    published_weights,
    usual_side,
    weights_file,
)
from imbclf.models.probes.build import build_probe
from imbclf.models.torchvision_models import (
    SkipRandomInit,
    build_network,
    check_name,
    cut_head,
    freeze_biases,
    has_fixed_size,
    shrink_stem,
)

LARGEST = 4096  # pixels; five times what any of torchvision's weights were made for

Stem = Literal["standard", "small"]
ProbeKind = Literal["stages", "patches"]


class Architecture(TypedDict):
    """What `rebuild_backbone` needs to build a backbone without its weights; JSON-able."""

    name: str
    input_size: int | None
    stem: Stem
    mean: list[float]
    std: list[float]
    head: Entry
    probe: ProbeKind | None


class Backbone(nn.Module):
    """A network without its last layer, and a head of one logit in place of that layer.

    logits = head(features(images))

    Args:
        network: normalized images [N, 3, H, W] to features [N, D].
        head: features [N, D] to logits [N].
        architecture: how the network was built, and at which size and normalization.
        fast_conv: whether to use faster convolutions (`fast_network`).
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self,
        network: nn.Module,
        head: Head,
        architecture: Architecture,
        fast_conv: bool = True,
    ) -> None:
        super().__init__()
        network = network.to(memory_format=torch.channels_last)
        self.network = fast_network(network) if fast_conv else network
        self.fast_conv = fast_conv
        self.head = head
        self.architecture = architecture
        self.is_pretrained = False
        self.starts_from_patches = False
        mean, std = torch.tensor(architecture["mean"]), torch.tensor(architecture["std"])
        self.register_buffer("scale", 1 / (255 * std), persistent=False)
        self.register_buffer("shift", -mean / std, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Images [N, H, W, 3] in 0..255, uint8 or floating point, to logits [N]."""
        return self.classify(self.normalize(images))

    def classify(self, pixels: Tensor) -> Tensor:
        """Normalized images [N, 3, H', W'] to logits [N]."""
        features = self.network(pixels)
        with _without_autocast(features.device):
            logits: Tensor = self.head(_at_least_single(features))
        return logits

    def features(self, images: Tensor) -> Tensor:
        """Return what enters the head, [N, D], for images as in `forward`."""
        features: Tensor = self.network(self.normalize(images))
        return features

    def normalize(self, images: Tensor) -> Tensor:
        """Return what enters the network, [N, 3, H', W'], for images as in `forward`."""
        width = images.shape[2]
        # Over long rows, not triples: twice as fast.
        rows = images.to(self.scale.dtype).flatten(2)
        rows = torch.addcmul(self.shift.repeat(width), rows, self.scale.repeat(width))
        pixels = rows.view(images.shape).permute(0, 3, 1, 2)  # channels last in memory
        return _resize(pixels, self.architecture["input_size"])

    def head_parameters(self) -> Iterator[nn.Parameter]:
        """Return the parameters of the head."""
        return self.head.parameters()

    def backbone_parameters(self) -> Iterator[nn.Parameter]:
        """Return all other parameters."""
        return self.network.parameters()


def _without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Autocast would round logits, and thresholds, to bfloat16."""
    known = torch.amp.is_autocast_available(device.type)  # not for shapes alone
    return torch.autocast(device.type, enabled=False) if known else nullcontext()


def _at_least_single(features: Tensor) -> Tensor:
    return features.to(torch.promote_types(features.dtype, torch.float32))


def _resize(pixels: Tensor, size: int | None) -> Tensor:
    if size is None or pixels.shape[2:] == (size, size):
        return pixels
    shrinks = size < max(pixels.shape[2:])
    return F.interpolate(pixels, (size, size), mode="bilinear", antialias=shrinks)


def build_backbone(
    name: str,
    weights: str | None = None,
    input_size: int | None = None,
    stem: Stem = "standard",
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    head: Callable[..., Head] = LinearHead,
    probe: bool = False,
    patch_filters: bool = False,
    fast_conv: bool = True,
) -> Backbone:
    """Return torchvision's classifier `name` with one logit in place of its class scores.

    Args:
        name: any of `torchvision.models.list_models(module=torchvision.models)`.
        weights: None for random ones; the name of torchvision weights, "DEFAULT" being the best;
            or a file with a torchvision state dict of any number of classes (torch or
            safetensors). The head always starts anew.
        input_size: side in pixels to which images are resized on the device. None leaves them as
            they are, except that models of one fixed size (vit, maxvit) take that of their weights.
        stem: "small" puts a 3x3 convolution without pooling in the place of a 7x7 convolution of
            stride 2 with max-pooling: four times the side of every feature map, for training on
            small images from scratch.
        mean: of each color in 0..1. None takes that of the weights (all but ever ImageNet's).
        std: standard deviation of each color in 0..1. None as for `mean`.
        head: called with `width`, makes one of the heads of `imbclf.models.heads`. For one that
            allows no biases, those of the network are frozen: at 0, or as its weights have them.
        probe: whether `build_probe` makes a probe beside it: a `StageProbe` where weights are
            pretrained, else a `PatchProbe`.
        patch_filters: whether training is to start the first convolution of random weights from
            patches of the images; pretrained ones stay as they are.
        fast_conv: whether to use CPU kernels for small feature maps, and to fuse batch norms into
            convolutions where many images are scored. Results differ by rounding alone.

    Raises:
        UserError: an option has no such value, or the weights cannot be had or do not fit.

    >>> backbone = build_backbone("squeezenet1_1")
    >>> backbone(torch.zeros(2, 64, 64, 3, dtype=torch.uint8)).shape
    torch.Size([2])
    """
    _check_options(name, weights, input_size, stem)
    architecture = _architecture(name, weights, input_size, stem, mean, std)
    network, width = _headless_network(architecture, weights)
    built = head(width=width)
    architecture["head"] = _entry(built)
    if not built.allows_biases:
        freeze_biases(network, at_zero=weights is None)
    backbone = Backbone(network, built, architecture, fast_conv)
    backbone.is_pretrained = weights is not None
    backbone.starts_from_patches = patch_filters and weights is None
    if probe:
        architecture["probe"] = _probe_beside(built, "patches" if weights is None else "stages")
    return backbone


def _check_options(name: str, weights: str | None, input_size: int | None, stem: Stem) -> None:
    check_name(name)
    if input_size is not None and not 1 <= input_size <= LARGEST:
        raise UserError(
            f"model.input_size={input_size}: expected pixels, {LARGEST} at most, or null for no "
            "resizing."
        )
    if stem not in ("standard", "small"):
        raise UserError(f"model.stem={stem}: expected standard or small.")
    if stem == "small" and weights is not None:
        raise UserError(
            "model.stem=small has no place for weights, which are made with the standard stem. Use "
            "it with model.weights=null, or keep model.stem=standard and give model.input_size."
        )


def _architecture(
    name: str,
    weights: str | None,
    input_size: int | None,
    stem: Stem,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
) -> Architecture:
    """Return the architecture, its head and probe still to be filled in."""
    published = published_weights(name, weights)
    usual = published.transforms()
    if input_size is None and has_fixed_size(name):
        input_size = published.meta["min_size"][0]
    return Architecture(
        name=name,
        input_size=input_size,
        stem=stem,
        mean=_three("mean", usual.mean if mean is None else mean),
        std=_three("std", usual.std if std is None else std),
        head={},
        probe=None,
    )


def _headless_network(architecture: Architecture, weights: str | None) -> tuple[nn.Module, int]:
    """Return the network without its last layer, and the number D of its features."""
    name = architecture["name"]
    network = build_network(name, architecture["input_size"])
    head_name, width = cut_head(network)
    if architecture["stem"] == "small":
        shrink_stem(network, name)
    if weights is not None:
        load_weights(network, weights_file(name, weights), head_name)
    return network, width


def rebuild_backbone(architecture: Mapping[str, Any]) -> Backbone:
    """Return the backbone that an `Architecture` describes; its weights are undefined.

    One without `head`, as there were before heads could be chosen, has a linear one.

    Raises:
        UserError, KeyError, TypeError, ValueError: it is no such description.

    >>> backbone = build_backbone("squeezenet1_1", mean=(0.5, 0.5, 0.5))
    >>> rebuild_backbone(backbone.architecture).architecture == backbone.architecture
    True
    """
    name, stem = architecture["name"], architecture["stem"]
    head = architecture.get("head", {"name": "linear"})
    if not all(isinstance(word, str) for word in (name, stem, head["name"])):
        raise TypeError("architecture: expected names of model, stem and head")
    probe = architecture.get("probe")
    if probe not in (None, False, True, "stages", "patches"):
        raise ValueError("probe: expected stages or patches")
    # Numbers here already: what else a card may hold cannot always be spelled out in a message.
    mean, std = ([float(value) for value in architecture[key]] for key in ("mean", "std"))
    with SkipRandomInit():
        backbone = build_backbone(
            name=name,
            input_size=architecture["input_size"],
            stem=stem,
            mean=mean,
            std=std,
            head=partial(rebuild_head, head),
        )
    if probe:  # written as true while there was but one kind
        kind: ProbeKind = "patches" if probe == "patches" else "stages"
        backbone.architecture["probe"] = _probe_beside(backbone.head, kind)
    return backbone


def _probe_beside(head: Head, kind: ProbeKind) -> ProbeKind:
    if isinstance(head, OneClassHead):
        raise UserError(
            f"model.probe=true: head={head.entry['name']} gives distances, which cannot be "
            "averaged with log-odds. Set model.probe=false, or choose head=linear or head=cosine."
        )
    return kind


def _three(option: str, values: Sequence[float]) -> list[float]:
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        numbers = []
    least = 0 if option == "std" else -inf
    if len(numbers) != 3 or not all(isfinite(number) and number > least for number in numbers):
        above = " above 0" if option == "std" else ""
        raise UserError(
            f"model.{option}={values}: expected a number{above} for each of three colors."
        )
    return numbers


def _entry(head: object) -> Entry:
    if isinstance(head, Head) and type(head) in HEADS.values():
        return head.entry
    raise UserError(
        f"head: {type(head).__name__} is none of {', '.join(HEADS)}. A predictor is built again by "
        "names that are known, and never calls what a file names."
    )


@torch.no_grad()
def check_input(backbone: Backbone, height: int, width: int) -> None:
    """Make sure that `backbone` takes images of this size; only shapes are computed.

    Args:
        backbone: is left as it is.
        height: of the images, in pixels.
        width: the same.

    Raises:
        UserError: they are too small for it.
    """
    state = [*backbone.named_parameters(), *backbone.named_buffers()]
    shapes = {name: tensor.to("meta") for name, tensor in state}
    images = torch.empty(2, height, width, 3, dtype=torch.uint8, device="meta")
    side = backbone.architecture["input_size"]
    pixels = torch.empty(2, 3, side or height, side or width, device="meta")
    try:
        torch.func.functional_call(backbone, shapes, (images,))
        if (probe := build_probe(backbone)) is not None:
            probe.to("meta")(pixels)
        if backbone.starts_from_patches and (first := first_convolution(backbone.network)):
            F.unfold(pixels, first.kernel_size)
    except (RuntimeError, ValueError) as error:
        name = backbone.architecture["name"]
        usual = usual_side(name)
        raise UserError(
            f"model.name={name} cannot take images of {height}x{width} pixels ({error}). "
            f"Enlarge them with model.input_size, usually {usual} for this model."
        ) from error
