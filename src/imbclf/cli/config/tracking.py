"""What a run is called and described by in the tracking store, from its configuration."""

import shlex
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from imbclf.cli.config.flat import flatten

MLFLOW = "imbclf.tracking.MLflowTracker"
LONGEST_NAME = 200
# Groups of options that say where, not what.
PLACES = ("data", "tracking", "hydra")
# Parts of imbclf's own, of one kind each: their class says nothing of a run.
UNNAMED = ("augment", "cv", "data", "data.make", "model", "optim", "tracking", "trainer")


def tracking_options(cfg: DictConfig, name: str | None) -> dict[str, Any]:
    """Return the options of `tracking`, completed by what the rest of the configuration says.

    Args:
        cfg: the configuration.
        name: of the run where the user gave none; None for that of its directory.
    """
    options: dict[str, Any] = OmegaConf.to_container(cfg.tracking, resolve=True)  # type: ignore[assignment]
    if options.get("_target_") != MLFLOW:
        return options
    data = Path(str(cfg.data.dir)).resolve().name or None
    return {
        **options,
        "experiment": options.get("experiment") or data,
        "run_name": options.get("run_name") or name,
        "command": typed_command(),
    }


def run_params(cfg: DictConfig) -> dict[str, Any]:
    """Return a configuration as flat parameters of a run.

    A part is named by its class (`loss: FocalLoss`), by its full name if it is not imbclf's.
    """
    params: dict[str, Any] = {}
    for key, value in flatten(OmegaConf.to_container(cfg, resolve=True)).items():
        part, _, last = key.rpartition(".")
        if last == "_target_":
            if not _is_ours(str(value)):
                params[part] = value
            elif part not in UNNAMED:
                params[part] = str(value).rpartition(".")[2]
        elif not last.startswith("_"):
            params[key] = value
    return params


def _is_ours(target: str) -> bool:
    return target.startswith(("imbclf.", "torch.", "lightning."))


def typed_overrides() -> list[str]:
    """Return the overrides of this job as the user typed them; none outside of Hydra."""
    if not HydraConfig.initialized():
        return []
    return [str(override).lstrip("+") for override in HydraConfig.get().overrides.task]


def typed_command() -> str | None:
    """Return the command that gives this run; None where it is unknown, as when resuming."""
    if not HydraConfig.initialized():
        return None
    return shlex.join([str(HydraConfig.get().job.name), *typed_overrides()])


def name_of(overrides: list[str]) -> str | None:
    """Return a name for a run of these overrides; None if they say nothing of what it is.

    >>> name_of(["data.dir=faces", "data=folder", "loss=focal", "optim.lr=1e-3"])
    'loss=focal optim.lr=1e-3'
    >>> name_of(["data=folder", "tracking.run_name=x"]) is None
    True
    """
    own = [one for one in overrides if one.partition("=")[0].split(".")[0] not in PLACES]
    return " ".join(own)[:LONGEST_NAME] or None
