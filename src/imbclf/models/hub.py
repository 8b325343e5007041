"""The Hugging Face hub, which is not asked again and again where nothing answers."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies

PATIENCE = 5.0  # seconds for an answer


@contextmanager
def cached_files_if_unreachable() -> Iterator[None]:
    """Let the hub's client use the files that it keeps alone, if the hub does not answer.

    The client would else ask for each file six times, with longer and longer pauses: a minute and
    a dozen lines before it says that there is no network.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _answers(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _answers(address: str) -> bool:
    """Return whether a connection to an address can be opened; true where there is a proxy.

    >>> _answers("http://localhost:1")
    False
    """
    if {"https", "http", "all"} & getproxies().keys():
        return True
    found = urlsplit(address)
    port = found.port or (80 if found.scheme == "http" else 443)
    try:
        socket.create_connection((found.hostname or "", port), PATIENCE).close()
    except OSError:
        return False
    return True
