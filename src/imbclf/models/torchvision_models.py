"""Torchvision's classifiers by name; their head and stem are found by structure."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import torchvision
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torchvision.models import get_model, get_model_builder, list_models

from imbclf.errors import UserError


def check_name(name: str) -> None:
    """Check that `name` is one of torchvision's classifiers.

    Raises:
        UserError: it is not; the message lists the nearest names.
    """
    names = list_models(module=torchvision.models)
    if name not in names:
        nearest = get_close_matches(name.lower(), names) or ["resnet18"]
        raise UserError(
            f"model.name={name} is no torchvision classifier. Nearest: {', '.join(nearest)}."
        )


def has_fixed_size(name: str) -> bool:
    """Return whether a network takes images of one size only, set when it is built.

    >>> has_fixed_size("vit_b_16"), has_fixed_size("resnet18")
    (True, False)
    """
    return not _constructor_options(name).isdisjoint({"image_size", "input_size"})


def build_network(name: str, input_size: int | None) -> nn.Module:
    """Return torchvision's classifier with random weights and without auxiliary heads.

    Args:
        name: a name that `check_name` accepts.
        input_size: side of the images in pixels, for networks of one fixed size.

    Raises:
        UserError: a network of fixed size cannot be built for this one.
    """
    wanted = {
        "aux_logits": False,
        "init_weights": True,
        "transform_input": True,  # the published weights of such models count on it
        "image_size": input_size,
        "input_size": (input_size, input_size),
    }
    options = {key: wanted[key] for key in wanted.keys() & _constructor_options(name)}
    try:
        network: nn.Module = get_model(name, weights=None, **options)
    except (AssertionError, ValueError) as error:
        raise UserError(f"model.input_size={input_size} does not suit {name}: {error}") from error
    return network


def _constructor_options(name: str) -> set[str]:
    network_class = inspect.signature(get_model_builder(name)).return_annotation
    return set(inspect.signature(network_class).parameters)


class SkipRandomInit(TorchFunctionMode):
    """Build a network without initializing its parameters, which are undefined or 0.

    >>> with SkipRandomInit():
    ...     weight = nn.init.normal_(nn.Parameter(Tensor([7, 7])))
    ...     drawn_till_within_bounds = nn.init.trunc_normal_(nn.Parameter(Tensor([7, 7])))
    >>> weight.tolist(), drawn_till_within_bounds.tolist()
    ([7.0, 7.0], [0.0, 0.0])
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Skip calls that fill parameters; make all others."""
        given = dict(kwargs or {})
        if func in (Tensor.uniform_, Tensor.normal_):
            # `trunc_normal_` redraws until all values are within its bounds, which 0 is.
            return args[0].zero_()
        filled = args[0] if args else given.get("tensor")
        is_of_init = getattr(func, "__module__", None) == nn.init.__name__
        # Buffers may be missing from a state dict, so that their values have to be computed.
        return filled if is_of_init and isinstance(filled, nn.Parameter) else func(*args, **given)


def cut_head(network: nn.Module) -> tuple[str, int]:
    """Remove the layer of class scores, which is the last Linear or Conv2d.

    Returns:
        Its name and the number D of its inputs. `network` now returns features [N, D].

    >>> cut_head(build_network("squeezenet1_1", None))
    ('classifier.1', 512)
    """
    layers = [(k, m) for k, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    name, head = layers[-1]
    network.set_submodule(name, nn.Identity())
    return name, head.weight.shape[1]


def freeze_biases(network: nn.Module, at_zero: bool) -> None:
    """Freeze all biases, those of normalization included.

    Args:
        network: its parameters called `...bias` no longer require gradients.
        at_zero: whether they are set to 0; otherwise they stay as they are.

    >>> layer = nn.Linear(2, 2)
    >>> freeze_biases(layer, at_zero=True)
    >>> layer.bias.tolist(), layer.bias.requires_grad, layer.weight.requires_grad
    ([0.0, 0.0], False, True)
    """
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            parameter.requires_grad_(False)
            if at_zero:
                nn.init.zeros_(parameter)


def shrink_stem(network: nn.Module, name: str) -> None:
    """Replace a 7x7 convolution of stride 2 and its max-pooling by a 3x3 convolution of stride 1.

    Raises:
        UserError: the network does not begin with such a pair.
    """
    layers = [(k, m) for k, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.MaxPool2d)]
    match layers[:2]:
        case [
            (convolution_name, nn.Conv2d(kernel_size=(7, 7), stride=(2, 2)) as convolution),
            (pooling_name, nn.MaxPool2d()),
        ]:
            channels, bias = convolution.out_channels, convolution.bias is not None
        case _:
            raise UserError(
                f"model.stem=small: {name} does not begin with a 7x7 convolution of stride 2 and "
                "max-pooling, as resnet and densenet do. Use model.stem=standard."
            )
    small = nn.Conv2d(3, channels, 3, padding=1, bias=bias)
    nn.init.kaiming_normal_(small.weight, mode="fan_out", nonlinearity="relu")
    network.set_submodule(convolution_name, small)
    network.set_submodule(pooling_name, nn.Identity())
