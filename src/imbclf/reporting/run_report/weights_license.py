"""Whose weights training began with, and under which license."""

from pathlib import Path

from imbclf.prediction.manifest import MANIFEST, PREDICTOR, Manifest


def weights_license(run: Path) -> str | None:
    """Return a sentence about the weights of timm that a run began with; None for others."""
    folder = run / PREDICTOR
    if not (folder / MANIFEST).exists():
        return None
    for entry in Manifest.load(folder).entries:
        architecture = entry["architecture"]
        stated = architecture.get("license")
        if architecture.get("source") == "timm" and isinstance(stated, str):
            name = str(architecture["name"])[:100]
            return f"Training began with timm's weights {name}, whose license is {stated[:100]}."
    return None
