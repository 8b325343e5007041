"""The manifest, `predictor.json`: what the weights beside it are and how they are used."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imbclf.data.decoding import MOST_PIXELS
from imbclf.data.pixel_options import FULL, SIXTEEN_BITS, PixelOptions
from imbclf.errors import UserError
from imbclf.prediction.decision_rule import check_rule
from imbclf.prediction.ensemble_rule import OF_LOG_ODDS, EnsembleRule, read_ensemble_rule
from imbclf.utils.files import write_text
from imbclf.utils.safe_reading import read_json, readable
from imbclf.utils.schema import field, line, list_of, mapping, text

FORMAT = 3
AVERAGING_PROBABILITIES = 2  # the format of version 0.1, without an ensemble rule
MANIFEST = "predictor.json"
PREDICTOR = "predictor"  # the folder of a run directory that holds it


@dataclass(frozen=True)
class Manifest:
    """The contents of `predictor.json`, checked.

    Attributes:
        image_size: (height, width) of the images, in pixels.
        label_names: how the user spells label 0 and label 1.
        tta: how images are viewed; whether there is such a view is not checked here.
        entries: for each fold model its `weights` (a file name), `network` (that of a frozen
            network that fold models share, where they do), its `architecture` and, flat beside
            them, the numbers of its decision rule.
        pixel_options: how images are brought to 8 bits and to their size.
        ensemble: how the fold models' log-odds become one probability.
    """

    image_size: tuple[int, int]
    label_names: tuple[str, str]
    tta: str
    entries: tuple[Mapping[str, Any], ...]
    pixel_options: PixelOptions = SIXTEEN_BITS
    ensemble: EnsembleRule = OF_LOG_ODDS

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """Read the manifest of the predictor in `folder`.

        Raises:
            UserError: it is missing, damaged or of another format.
        """
        path = folder / MANIFEST
        with readable(path, "the manifest of a predictor", "Restore the file, or train again"):
            stored = read_json(path)
            found = field(stored, "format", lambda value: value)
            if found not in (AVERAGING_PROBABILITIES, FORMAT):
                raise UserError(
                    f"{path}: format {found}, expected {FORMAT}. Predict with the "
                    "version of imbclf that wrote it, or train again"
                )
            entries = field(stored, "members", list_of(mapping))
            names = [_weights_name(entry) for entry in entries]
            if len(set(names)) < len(names):
                raise ValueError("two fold models have the same weights")
            for entry in entries:
                check_fold_model(entry)
                if "network" in entry:
                    _weights_name(entry, "network")
            manifest = cls(
                image_size=read_image_size(stored),
                label_names=read_label_names(stored),
                tta=field(stored, "tta", text),
                entries=tuple(entries),
                pixel_options=read_pixel_options(stored),
                ensemble=(
                    read_ensemble_rule(stored) if found == FORMAT else EnsembleRule("probability")
                ),
            )
        if not entries:
            raise UserError(f"{path}: lists no fold models. Train again")
        return manifest


def write_ensemble_rule(folder: Path, rule: EnsembleRule) -> None:
    """Replace the ensemble rule in the manifest of the predictor in `folder`."""
    path = folder / MANIFEST
    write_text(path, json.dumps({**read_json(path), **rule.to_json()}, indent=2) + "\n")


def find_predictor(path: Path) -> Path | None:
    """Return the predictor folder of a run directory, or the folder itself if it is one."""
    return next((one for one in (path / PREDICTOR, path) if (one / MANIFEST).exists()), None)


def read_image_size(stored: Mapping[str, Any]) -> tuple[int, int]:
    """Read the (height, width) of a predictor's images.

    Raises:
        ValueError: it is missing, or no image has that size.
    """
    height, width = field(stored, "image_size", list_of(_side, length=2))
    if height * width > MOST_PIXELS:
        raise ValueError(f"image_size: {height}x{width} pixels are more than any image may have")
    return height, width


def read_pixel_options(stored: Mapping[str, Any]) -> PixelOptions:
    """Read how a predictor's images are brought to 8 bits and to their size.

    Predictors of version 0.1 do not say so: 16 bits, and `squash`.

    Raises:
        ValueError: a value is none that `PixelOptions` takes.
    """
    try:
        return PixelOptions(stored.get("depth", FULL), stored.get("fit", "squash"))
    except UserError as error:
        raise ValueError(str(error)) from None


def stored_pixel_options(options: PixelOptions) -> dict[str, Any]:
    """Return what `read_pixel_options` reads, JSON-able.

    >>> stored_pixel_options(PixelOptions(12, "pad"))
    {'depth': [0, 4095], 'fit': 'pad'}
    """
    return {"depth": list(options.scale or FULL), "fit": options.fit}


def check_same_pixels(manifest: Path, there: PixelOptions, new: PixelOptions) -> None:
    """Check that fold models of one predictor are trained on images decoded the same way.

    Args:
        manifest: of the predictor.
        there: how the images of its fold models were decoded.
        new: how those of another fold model are.

    Raises:
        UserError: otherwise.
    """
    one, other = stored_pixel_options(there), stored_pixel_options(new)
    if one != other:
        raise UserError(
            f"{manifest}: its fold models were trained on images decoded with {one}, this one on "
            f"such with {other}; give data.depth and data.fit as before, or train all folds anew "
            "in another run directory"
        )


def read_label_names(stored: Mapping[str, Any]) -> tuple[str, str]:
    """Read how a predictor spells label 0 and label 1.

    Raises:
        ValueError: they are missing, or not two lines of text.
    """
    zero, one = field(stored, "label_names", list_of(line, length=2))
    return zero, one


def check_fold_model(stored: Mapping[str, Any]) -> None:
    """Check what is stored of a fold model beside its weights.

    Raises:
        ValueError: the architecture or the decision rule is missing or damaged.
    """
    field(stored, "architecture", mapping)
    check_rule(stored)


def _side(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError("expected height and width in pixels")
    return value


def _weights_name(entry: Mapping[str, Any], key: str = "weights") -> str:
    name = field(entry, key, text)
    is_plain = Path(name).name == name and name.isprintable()
    if not is_plain or not name.endswith(".safetensors"):
        raise ValueError(f"{key} {name[:100]!r} must be a .safetensors file beside it")
    return name
