"""The run directory of a command that a mistake or Ctrl-C ended before anything was computed."""

from contextlib import suppress
from pathlib import Path

from imbclf.cli.app.messages import log

CONFIG, LOG = "config.yaml", "train.log"
COMMAND = "command.json"  # which imbclf-train alone writes


def remove_failed_start(folder: Path) -> None:
    """Remove a folder that is empty, or holds nothing but how the command was started.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = [(folder / name).write_text("") for name in (CONFIG, COMMAND, "splits.csv")]
    >>> remove_failed_start(folder)
    >>> (folder / CONFIG).exists()
    True
    >>> (folder / "splits.csv").unlink()
    >>> remove_failed_start(folder)
    >>> folder.exists()
    False
    """
    with suppress(OSError):  # a file that is open stays on some systems
        names = {path.name for path in folder.iterdir()}
        if names <= {CONFIG, COMMAND, LOG} and (COMMAND in names or not names):
            for handler in log.handlers:
                handler.close()
            for name in names:
                (folder / name).unlink()
            folder.rmdir()
