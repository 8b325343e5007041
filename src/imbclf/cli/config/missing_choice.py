"""The message for an unknown choice of a group."""

from pathlib import Path

from hydra.errors import MissingConfigException

from imbclf.utils.install_line import install_line
from imbclf.utils.text import did_you_mean

EXTRAS = {"joblib": "joblib", "submitit_local": "slurm", "submitit_slurm": "slurm"}


def missing_choice(error: MissingConfigException) -> str:
    """Return what is missing, with the nearest choice or the extra that installs it."""
    missing = Path(error.missing_cfg_file or "").name
    group = str(Path(error.missing_cfg_file or "").parent)
    known = [option for option in error.options or [] if not option.startswith("_")]
    extra = EXTRAS.get(missing) if group == "hydra/launcher" else None
    hint = f"; {install_line(extra)}" if extra else did_you_mean(missing, known)
    return f"{group}={missing}: no such choice{hint}"
