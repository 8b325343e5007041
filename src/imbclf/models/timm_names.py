"""Networks of timm by name or address: what they are, before any is built."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from imbclf.errors import UserError
from imbclf.utils.install_line import install_line


@dataclass(frozen=True)
class TimmNetwork:
    """A network of timm, found by its name or address.

    Attributes:
        address: what was asked for.
        name: of the architecture, with the tag of its weights if it was named.
        options: arguments of the architecture that its address states.
        config: timm's data configuration of the weights.
    """

    address: str
    name: str
    options: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def has_fixed_size(self) -> bool:
        """Whether it takes images of one size only, set when it is built."""
        return bool(self.config.get("fixed_input_size", False))

    @property
    def side(self) -> int:
        """The side in pixels of the images that it was published for."""
        return int(self.config.get("input_size", (3, 224, 224))[-1])


def resolve(name: str, options: Mapping[str, Any] | None = None) -> TimmNetwork:
    """Find a network of timm.

    Args:
        name: as for `build_timm_backbone`.
        options: further arguments of the architecture.

    Raises:
        UserError: timm is not installed or has no such network.
    """
    timm = import_timm()
    source, colon, place = name.partition(":")
    try:
        if colon and source == "hf-hub":
            config, own, stated = timm.models.load_model_config_from_hf(place)
        elif colon and source == "local-dir":
            folder = Path(place).expanduser()
            name = f"{source}:{folder}"
            config, own, stated = timm.models._hub.load_model_config_from_path(folder)
        else:
            known = timm.get_pretrained_cfg(name)
            if not timm.is_model(name):
                raise UserError(f"model.name={name} is no network of timm. {_nearest(timm, name)}")
            config, own, stated = {} if known is None else known.to_dict(), name, {}
    except UserError:
        raise
    except Exception as error:  # of the hub's client or of a damaged file: anything
        raise UserError(
            f"model.name={name}: {type(error).__name__}: {str(error).rstrip('.')}. "
            f"{_nearest(timm, name)}"
        ) from error
    given = {**(stated or {}), **(options or {})}
    return TimmNetwork(name, own, {k: v for k, v in given.items() if k != "num_classes"}, config)


def import_timm() -> ModuleType:
    """Return timm.

    Raises:
        UserError: it is not installed.
    """
    try:
        import_module("timm.models._hub")  # the reader of a folder has no public name
        return import_module("timm")
    except ImportError as error:
        raise UserError(f"model=timm needs timm: {install_line('timm')}") from error


def _nearest(timm: ModuleType, name: str) -> str:
    if ":" in name:
        return "Expected hf-hub:OWNER/NAME, or local-dir:FOLDER with a config.json of timm"
    architecture = name.rpartition("/")[2].partition(".")[0].lower()
    near = get_close_matches(architecture, timm.list_models()) or ["resnet18"]
    return f"Nearest: {', '.join(timm.list_pretrained(architecture)[:5] or near)}"
