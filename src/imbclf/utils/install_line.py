"""The command that installs an extra, for the way this package was installed."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

PACKAGE = "imbclf"


def install_line(extra: str) -> str:
    """Return the command that adds an extra of this package to this environment.

    An index need not have this package: what was installed from a folder, a wheel or a repository
    is installed from there again (PEP 610, `direct_url.json`), with uv where uv installed it.

    >>> install_line("tune").endswith('[tune]"') or "[tune] @ " in install_line("tune")
    True
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        found = distribution(PACKAGE)
        read = json.loads(found.read_text("direct_url.json") or "{}")
        origin = read if isinstance(read, dict) else {}
        installer = (found.read_text("INSTALLER") or "pip").strip()
    except (PackageNotFoundError, ValueError):
        origin, installer = {}, "pip"
    return f"{'uv pip' if installer == 'uv' else 'pip'} install {requirement(extra, origin)}"


def requirement(extra: str, origin: dict[str, Any]) -> str:
    """Return what to install, with options where needed, in quotes.

    Args:
        extra: name of the extra.
        origin: the contents of `direct_url.json`; empty where an index was the source.

    >>> requirement("onnx", {})
    '"imbclf[onnx]"'
    >>> requirement("onnx", {"url": "file:///src/im%20b", "dir_info": {"editable": True}})
    '--editable "/src/im b[onnx]"'
    >>> requirement("onnx", {"url": "file:///dist/imbclf.whl", "archive_info": {}})
    '"imbclf[onnx] @ file:///dist/imbclf.whl"'
    >>> vcs = {"vcs": "git", "requested_revision": "v1", "commit_id": "c0ffee"}
    >>> requirement("onnx", {"url": "https://example.org/imbclf.git", "vcs_info": vcs})
    '"imbclf[onnx] @ git+https://example.org/imbclf.git@v1"'
    """
    url = str(origin.get("url", ""))
    if not url:
        return f'"{PACKAGE}[{extra}]"'
    if "dir_info" in origin:
        folder = url2pathname(urlsplit(url).path)
        editable = "--editable " if origin["dir_info"].get("editable") else ""
        return f'{editable}"{Path(folder)}[{extra}]"'
    vcs = origin.get("vcs_info")
    if vcs:
        revision = vcs.get("requested_revision") or vcs.get("commit_id", "")
        url = f"{vcs.get('vcs', 'git')}+{url}" + (f"@{revision}" if revision else "")
    return f'"{PACKAGE}[{extra}] @ {url}"'
