"""Messages to the terminal and to a log file."""

import logging
import sys
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

log = logging.getLogger("imbclf")


def configure_logging(logfile: Path | None = None) -> None:
    """Send the package's messages to the terminal as they are and, with the time, to a file."""
    log.setLevel(logging.INFO)
    logging.raiseExceptions = False  # a full disk costs a line of the log, not a traceback per line
    log.propagate = False
    for handler in log.handlers:
        handler.close()
    log.handlers.clear()
    to_user = logging.StreamHandler(sys.stdout)
    to_user.addFilter(_is_no_progress_on_a_terminal)
    log.addHandler(to_user)
    if logfile is not None:
        logfile.parent.mkdir(parents=True, exist_ok=True)
        to_file = logging.FileHandler(logfile, encoding="utf-8")
        to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(to_file)


def _is_no_progress_on_a_terminal(record: logging.LogRecord) -> bool:
    """Leave out the lines on each epoch where a progress bar shows the same."""
    return not (getattr(record, "progress", False) and sys.stdout.isatty())


def printable(message: str) -> str:
    r"""Escape control characters, which a quoted file name may hold.

    >>> printable("there is no \x1b[31mfile\n  nor é")
    'there is no \\x1b[31mfile\n  nor é'
    """
    return "".join(
        letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1]
        for letter in message
    )


def log_if_demo(cfg: DictConfig, command: str) -> None:
    """Log that drawn images are trained on, and how to train on others."""
    if OmegaConf.select(cfg, "data.make") is not None:
        log.info("demo     drawn faces, to try things out; for your own images: %s FOLDER", command)
