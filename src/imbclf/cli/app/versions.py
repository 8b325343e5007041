"""What `--version` prints."""

from importlib.metadata import PackageNotFoundError, version

SHOWN = ("imbclf", "torch", "lightning", "hydra-core")


def versions() -> str:
    """Return the versions of imbclf and of what it rests on, for reports of bugs.

    >>> versions().startswith("imbclf ")
    True
    """
    first, *others = (f"{name} {_version(name)}" for name in SHOWN)
    return f"{first} ({', '.join(others)})"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
