"""What configurations of version 0.1 name, by the names of today."""

from typing import Any

from omegaconf import DictConfig, ListConfig

from imbclf.utils.renamed import current_name


def use_current_names(node: Any) -> None:  # noqa: ANN401
    """Replace, in place, each `_target_` below a configuration node that has been renamed.

    >>> cfg = DictConfig({"data": {"_target_": "imbclf.dataset.LabelledFolder"}})
    >>> use_current_names(cfg)
    >>> cfg.data._target_
    'imbclf.data.LabelledFolder'
    """
    if isinstance(node, DictConfig) and isinstance(node.get("_target_"), str):
        node["_target_"] = current_name(node["_target_"])
    if isinstance(node, DictConfig | ListConfig):
        for part in node.values() if isinstance(node, DictConfig) else node:
            use_current_names(part)
