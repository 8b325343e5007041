"""Checks of options that several commands have."""

from pathlib import Path

from imbclf.errors import UserError


def refuse_overwriting(out: Path, file: str, what: str, overwrite: object) -> None:
    """Refuse an output folder that holds an earlier result, unless it may be overwritten.

    Raises:
        UserError: the folder holds `file`, or `overwrite` is not a boolean.
    """
    expect_bool("overwrite", overwrite)
    if (out / file).exists() and not overwrite:
        raise UserError(f"out={out}: holds {what} already; choose another or overwrite=true")


def refuse_swapped(command: str, run: object, images: object) -> None:
    """Refuse a run where images are expected, and images where a run is.

    Raises:
        UserError: the second is a run directory, the first is none.
    """
    if not isinstance(run, str) or not isinstance(images, str):
        return
    summary = "summary.json"
    if (Path(images) / summary).exists() and not (Path(run) / summary).exists():
        raise UserError(
            f"run={run} is no run directory, and data.dir={images} is one: the run comes first, "
            f"{command} {images} {run}"
        )


def expect_bool(name: str, value: object) -> None:
    """Refuse what is not a boolean: Hydra reads `no` as a string, which would count as true.

    Raises:
        UserError: it is not a boolean.

    >>> expect_bool("overwrite", "no")
    Traceback (most recent call last):
    imbclf.errors.UserError: overwrite=no: expected true or false
    """
    if not isinstance(value, bool):
        raise UserError(f"{name}={value}: expected true or false")
