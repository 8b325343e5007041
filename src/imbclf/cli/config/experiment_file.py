"""An experiment that is a file anywhere, as `imbclf-tune` writes one: `experiment=PATH.yaml`."""

import re
from pathlib import Path

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from imbclf.cli.config.current_names import use_current_names
from imbclf.utils.safe_reading import read_yaml, readable

GROUP, SUFFIX = "experiment", ".yaml"
OPTION = f"{GROUP}="


def register_experiment_files(arguments: list[str]) -> list[str]:
    """Make files that `experiment=` names choices of that group; return the arguments for Hydra.

    What is no such file stays as it is, and is for Hydra to find or to refuse.

    Raises:
        UserError: a file is not YAML.

    >>> register_experiment_files(["experiment=best", "seed=1"])
    ['experiment=best', 'seed=1']
    """
    adopted = []
    for argument in arguments:
        if argument.startswith(OPTION):
            names = argument.removeprefix(OPTION).split(",")
            argument = OPTION + ",".join(map(_adopt, names))
        adopted.append(argument)
    return adopted


def _adopt(name: str) -> str:
    path = Path(name)
    if not name.endswith(SUFFIX) or not path.is_file():
        return name
    with readable(f"experiment={name}", "a readable experiment", also=(OmegaConfBaseException,)):
        read_yaml(path)
        node = OmegaConf.load(path)  # which takes 1e-3 for a number, unlike YAML
        use_current_names(node)
    choice = _choice(name)
    group, _, stem = f"{GROUP}/{choice}".rpartition("/")
    ConfigStore.instance().store(name=stem, node=node, group=group, package="_global_")
    return choice


def _choice(name: str) -> str:
    """Call a file in a way that Hydra's grammar takes, which knows no blanks, brackets or accents.

    The folder is of its own: of two choices called alike Hydra takes the YAML that we ship.

    >>> _choice("best.yaml"), _choice("../my (best)/./a.yaml")
    ('file/best', 'file/up/my__best_/a')
    """
    parts = re.sub(r"[^a-zA-Z0-9_/.-]", "_", name.removesuffix(SUFFIX)).split("/")
    # Hydra would follow two dots out of that folder.
    named = ("up" if part == ".." else part for part in parts if part not in ("", "."))
    return "/".join(["file", *named])
