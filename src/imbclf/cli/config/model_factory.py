"""The function that builds the backbone of an experiment."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from imbclf.cli.config.error_context import explain_option
from imbclf.cli.config.own_networks import is_own_network, network_options, own_network
from imbclf.errors import UserError
from imbclf.models.backbone import Backbone
from imbclf.models.heads import Head
from imbclf.models.own_network import build_own_backbone
from imbclf.models.torchvision_models import check_name


def model_factory(
    options: DictConfig, head: Callable[..., Head], image_size: int | tuple[int, int] | None
) -> Callable[[], Backbone]:
    """Return a function that builds the backbone.

    Args:
        options: of the group `model`.
        head: called with `width`.
        image_size: of the data, for networks of one's own that take one size only.

    Raises:
        UserError: an option is rejected.
    """
    target = str(options.get("_target_"))
    if is_own_network(target):
        own, shared = network_options(options)
        network = own_network(target)
        build = partial(build_own_backbone, network, own, name=target, head=head)
        return partial(build, image_size=image_size, **shared)
    with explain_option("model"):
        model = instantiate(options, _partial_=True, _convert_="all")
    known = partial(model, head=head)
    return known if target.startswith("imbclf.") else partial(_checked, known, target)


def _checked(build: Callable[..., Any], target: str) -> Backbone:
    """Build a backbone and check that a predictor can build it again.

    Raises:
        UserError: it cannot.
    """
    backbone = build()
    if isinstance(backbone, Backbone):
        if "source" not in backbone.architecture:
            try:
                check_name(backbone.architecture["name"])
            except UserError as error:
                raise _cannot_be_rebuilt(target, backbone.architecture["name"]) from error
        return backbone
    raise UserError(
        f"model._target_={target}: made {type(backbone).__name__}; a function with an argument "
        "`head` has to return an imbclf.models.Backbone. Without that argument it may return any "
        "torch.nn.Module"
    )


def _cannot_be_rebuilt(target: str, name: str) -> UserError:
    return UserError(
        f"model._target_={target}: no predictor could build {name} again. Return the network "
        "alone, a torch.nn.Module that maps images to features, from a function without `head`"
    )
