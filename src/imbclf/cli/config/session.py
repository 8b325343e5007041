"""Hydra outside of a command: its errors become UserError."""

from collections.abc import Iterator
from contextlib import contextmanager

from hydra import initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from imbclf.cli.config.conf_dir import conf_dir
from imbclf.cli.config.hydra_messages import in_user_words
from imbclf.errors import UserError


@contextmanager
def hydra_session() -> Iterator[None]:
    """Let `hydra.compose` find our configuration; restore Hydra's former state at the end.

    Raises:
        UserError: any error of Hydra in the block.
    """
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            yield
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(in_user_words(error)) from error
