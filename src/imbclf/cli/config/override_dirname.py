"""`hydra.job.override_dirname`, a name of a job for `hydra.sweep.subdir`, in the user's words."""

from collections.abc import Sequence

import hydra._internal.config_loader_impl as loader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

NAME = "override_dirname"
EXCLUDED = f"hydra.job.config.{NAME}.exclude_keys"


def plain_override_dirname() -> None:
    """Make Hydra leave out the `++` that nobody typed; there is no option for it."""
    loader.get_overrides_dirname = _dirname


def only_what_differs(arguments: Sequence[str]) -> list[str]:
    """Exclude the overrides that all jobs of a sweep share from the names of the jobs.

    >>> only_what_differs(["-m", "seed=0,1", "++optim.lr=1", f"hydra.sweep.subdir=${{{NAME}}}"])[-1]
    'hydra.job.config.override_dirname.exclude_keys=[optim.lr]'
    """
    text = " ".join(arguments)
    if NAME not in text or EXCLUDED in text:
        return [*arguments]
    overrides = [one for one in arguments if "=" in one and not one.startswith("-")]
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except HydraException:
        return [*arguments]  # Hydra will say what is wrong
    fixed = [one.key_or_group for one in parsed if not one.is_sweep_override()]
    names = ",".join(sorted(key for key in {*fixed} if not key.startswith("hydra")))
    return [*arguments, f"{EXCLUDED}=[{names}]"]


def _dirname(overrides: list[Override], exclude_keys: list[str], item_sep: str, kv_sep: str) -> str:
    lines = [
        str(one.input_line).lstrip("+") for one in overrides if one.key_or_group not in exclude_keys
    ]
    return item_sep.join(sorted(lines)).replace("=", kv_sep)
