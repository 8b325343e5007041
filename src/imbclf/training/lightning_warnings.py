"""Silence messages of libraries that do not apply to imbclf."""

import logging
import warnings
from collections.abc import Callable

import lightning as L


def silence_lightning() -> None:
    """Silence hints of Lightning that do not apply to images gathered by index."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*Starting from v1.9.0.*",
        ".*is not used when.*",
        ".*smaller than the logging interval.*",
        ".*GPU available but not used.*",
        ".*The `srun` command is available.*",
        ".*LeafSpec.*is deprecated.*",
        ".*module\\(s\\) in eval mode at the start.*",  # a probe is never trained
    ):
        warnings.filterwarnings("ignore", message=message)


class SilenceWarnings(L.Callback):
    """Silence them in processes that a trainer starts, too."""

    def __reduce__(self) -> "tuple[Callable[[], SilenceWarnings], tuple[()]]":
        """Silence them as soon as this is unpickled in such a process."""
        return _silence_and_build, ()


def _silence_and_build() -> SilenceWarnings:
    silence_lightning()
    return SilenceWarnings()
