"""The folder of YAML files."""

from importlib.resources import files
from pathlib import Path


def conf_dir() -> Path:
    """Return the folder of configuration: beside the sources, or inside the installed package.

    The checkout comes first, since an editable install leaves a stale copy in site-packages.
    """
    package = Path(str(files("imbclf")))
    checkout = package.parents[1] / "conf"
    return checkout if (checkout / "train.yaml").exists() else package / "conf"
