"""Messages of libraries that tell a user of imbclf nothing true."""

import logging
import warnings
from collections.abc import Callable

import lightning as L


def silence_lightning() -> None:
    """Keep Lightning's hints off the terminal that do not hold for images gathered by index."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*Starting from v1.9.0.*",
        ".*is not used when.*",
        ".*GPU available but not used.*",
        ".*The `srun` command is available.*",
        ".*LeafSpec.*is deprecated.*",
        ".*module\\(s\\) in eval mode at the start.*",  # a probe is never trained
    ):
        warnings.filterwarnings("ignore", message=message)


class SilenceWarnings(L.Callback):
    """Keep them off the terminal in processes that a trainer starts, too."""

    def __reduce__(self) -> "tuple[Callable[[], SilenceWarnings], tuple[()]]":
        """Arrive in such a process, before anything is said there."""
        return _arrived, ()


def _arrived() -> SilenceWarnings:
    silence_lightning()
    return SilenceWarnings()
