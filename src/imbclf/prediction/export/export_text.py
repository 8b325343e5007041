"""An export in words, for the terminal."""

from collections.abc import Mapping
from typing import Any

from imbclf.utils.text import text_table


def export_text(export: Mapping[str, Any]) -> str:
    """Return a description of an export for the terminal.

    Args:
        export: the contents of `export.json`.
    """
    check, shape = export["check"], ", ".join(map(str, export["input"]["images"]))
    lines = [
        ("models", f"{len(export['members'])} in one graph"),
        ("takes", f"images: uint8 [{shape}]"),
        ("prepare", f"RGB, {export['preparation']['resize']}; code in export.json"),
        ("gives", ", ".join(export["outputs"])),
        (
            "checked",
            f"on {check['images']} images ({check['source']}): probability within "
            f"{check['probability']:.1e}, {check['labels']} labels differ",
        ),
    ]
    lines.append(("rule", export["rule"]))
    if loss := export.get("int8"):
        low, high = loss["loss_interval"]
        change = f"{loss['loss']:+.4f} ({low:+.4f} to {high:+.4f})"
        rates = f"HTER {loss['hter']:.4f} for {loss['hter_float32']:.4f} in float32"
        lines.append(("int8", f"{rates}, {change}, out of fold on {loss['images']} images"))
    rows = [("", "MB", "images/s", "ms for one")]
    for name, row in export["speed"].items():
        size, speed = f"{row['bytes'] / 1e6:.1f}", f"{row['images_per_second']:.0f}"
        rows.append((name, size, speed, f"{row['milliseconds_for_one']:.1f}"))
    return f"{text_table(lines, '<12 <')}\n\n{text_table(rows, '<16>8>10>12')}"
