"""Nested configurations as flat ones."""

from typing import Any


def flatten(node: Any, path: str = "") -> dict[str, Any]:  # noqa: ANN401
    """Return nested mappings as one flat mapping with dotted keys; lists as text.

    >>> flatten({"optim": {"lr": 0.1}, "sizes": [1, 2]})
    {'optim.lr': 0.1, 'sizes': '[1, 2]'}
    """
    if isinstance(node, dict):
        flat: dict[str, Any] = {}
        for key, value in node.items():
            flat |= flatten(value, f"{path}.{key}" if path else str(key))
        return flat
    return {path: node if isinstance(node, str | int | float | bool | None) else str(node)}
