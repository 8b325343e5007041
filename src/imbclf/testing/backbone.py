"""The contract of networks."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from imbclf.testing.expectation import expect

IMAGES = 4


def check_backbone(network: Callable[[], nn.Module], size: int = 64, export: bool = True) -> None:
    """Check that a network can be trained, saved, resumed, exported and rebuilt.

    Args:
        network: makes it; a class, or a function without arguments. Call it with options as
            `functools.partial(Net, width=8)`.
        size: side of the images in pixels.
        export: whether to check that `torch.export` takes it, as `imbclf-export` needs.

    Raises:
        AssertionError: it does not; the message says what the contract is.

    >>> class Net(nn.Module):
    ...     def __init__(self) -> None:
    ...         super().__init__()
    ...         self.convolution = nn.Conv2d(3, 8, 3)
    ...     def forward(self, images: Tensor) -> Tensor:
    ...         return self.convolution(images).relu().mean((2, 3))
    >>> check_backbone(Net)
    >>> check_backbone(nn.Identity)
    Traceback (most recent call last):
    AssertionError: the network has to map images [4, 3, 64, 64] to features [4, D] or logits [4] \
or [4, 1]; it made [4, 3, 64, 64]
    """
    made = network()
    expect(
        isinstance(made, nn.Module),
        f"the network has to be a torch.nn.Module; it is a {type(made).__name__}",
    )
    images = torch.randn(IMAGES, 3, size, size, generator=torch.Generator().manual_seed(0))
    images = images.contiguous(memory_format=torch.channels_last)
    _check_output(made.eval(), images)
    _check_independence(made, images)
    _check_gradients(made, images)
    _check_state(made, network, images)
    _check_shapes(made, images)
    if export:
        _check_export(made, images)


def _check_output(network: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        output = network(images)
    shape = list(output.shape) if isinstance(output, Tensor) else type(output).__name__
    expect(
        isinstance(output, Tensor) and output.ndim in (1, 2) and len(output) == len(images),
        f"the network has to map images {list(images.shape)} to features [{IMAGES}, D] or logits "
        f"[{IMAGES}] or [{IMAGES}, 1]; it made {shape}",
    )
    expect(
        output.is_floating_point() and bool(output.isfinite().all()),
        f"the network has to make finite floating-point numbers; it made {output.dtype} of which "
        f"{float(output.isfinite().float().mean()):.0%} are finite",
    )


def _check_independence(network: nn.Module, images: Tensor) -> None:
    with torch.no_grad():
        together, again = network(images), network(images)
        alone = torch.cat([network(image[None]) for image in images])
    expect(
        torch.equal(together, again),
        "in evaluation mode the network has to make the same of the same images, twice",
    )
    expect(
        torch.allclose(together, alone.reshape(together.shape), rtol=1e-3, atol=1e-4),
        "in evaluation mode what the network makes of an image must not depend on the other images "
        "of the batch",
    )


def _check_gradients(network: nn.Module, images: Tensor) -> None:
    trained = copy.deepcopy(network).train()
    output = trained(images)
    (output * torch.linspace(1, 2, output.numel()).view_as(output)).sum().backward()
    missing = [n for n, p in trained.named_parameters() if p.requires_grad and p.grad is None]
    expect(
        not missing,
        "every parameter has to be used, since several devices wait for the gradient of each; "
        f"without one: {', '.join(missing[:5])}",
    )
    bad = [
        name
        for name, parameter in trained.named_parameters()
        if parameter.grad is not None and not parameter.grad.isfinite().all()
    ]
    expect(not bad, f"all gradients have to be finite; not so: {', '.join(bad[:5])}")


def _check_state(made: nn.Module, network: Callable[[], nn.Module], images: Tensor) -> None:
    other = network().eval()
    expect(
        {k: t.shape for k, t in made.state_dict().items()}
        == {k: t.shape for k, t in other.state_dict().items()},
        "two networks made alike have to have parameters and buffers of the same names and shapes",
    )
    other.load_state_dict(made.state_dict())
    with torch.no_grad():
        expect(
            torch.equal(made(images), other(images)),
            "all that the network makes has to follow from its state_dict, which is all that files "
            "keep: register further tensors as parameters or buffers",
        )


def _check_shapes(network: nn.Module, images: Tensor) -> None:
    state = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    on_meta = {name: tensor.detach().to("meta") for name, tensor in state.items()}
    try:
        torch.func.functional_call(network, on_meta, (images.to("meta"),))
    except Exception as error:
        raise AssertionError(
            "shapes have to be computable on the device `meta`, before images are decoded: no "
            f"numpy, no .item(), no branches on values ({type(error).__name__}: {error})"
        ) from error


def _check_export(network: nn.Module, images: Tensor) -> None:
    count = torch.export.Dim("images")
    try:
        with torch.no_grad():
            torch.export.export(network, (images,), dynamic_shapes=({0: count},), strict=False)
    except Exception as error:
        raise AssertionError(
            "torch.export has to take the network for any number of images, as imbclf-export "
            f"needs; skip this with export=False ({type(error).__name__}: {str(error)[:300]})"
        ) from error
