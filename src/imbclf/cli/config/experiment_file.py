"""Experiments in files outside of `conf`, as `imbclf-tune` writes them: `experiment=PATH.yaml`."""

import re
from pathlib import Path

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imbclf.cli.config.current_names import use_current_names
from imbclf.cli.config.home_paths import expand_home
from imbclf.utils.safe_reading import read_yaml, readable

GROUP, SUFFIX = "experiment", ".yaml"
OPTION = f"{GROUP}="


def register_experiment_files(arguments: list[str]) -> list[str]:
    """Register the files that `experiment=` names with Hydra; return its arguments.

    Other values remain as they are, for Hydra to look up.

    Raises:
        UserError: a file is not valid YAML.

    >>> register_experiment_files(["experiment=best", "seed=1"])
    ['experiment=best', 'seed=1']
    """
    current = []
    for argument in map(expand_home, arguments):
        if argument.startswith(OPTION):
            names = argument.removeprefix(OPTION).split(",")
            argument = OPTION + ",".join(map(_register, names))
        current.append(argument)
    return current


def _register(name: str) -> str:
    path = Path(name)
    if not name.endswith(SUFFIX) or not path.is_file():
        return name
    with readable(f"experiment={name}", "a readable experiment", also=(OmegaConfBaseException,)):
        read_yaml(path)
        node = OmegaConf.load(path)  # reads 1e-3 as a number, unlike YAML
        use_current_names(node)
    choice = _choice(name)
    group, _, stem = f"{GROUP}/{choice}".rpartition("/")
    ConfigStore.instance().store(name=stem, node=node, group=group, package="_global_")
    return choice


def _choice(name: str) -> str:
    """Return a name for a file within Hydra's grammar, which has no spaces, brackets or accents.

    The prefix `file` avoids collisions: Hydra would prefer a shipped experiment of that name.

    >>> _choice("best.yaml"), _choice("../my (best)/./a.yaml")
    ('file/best', 'file/up/my__best_/a')
    """
    parts = re.sub(r"[^a-zA-Z0-9_/.-]", "_", name.removesuffix(SUFFIX)).split("/")
    # Hydra would follow two dots out of that folder.
    named = ("up" if part == ".." else part for part in parts if part not in ("", "."))
    return "/".join(["file", *named])
