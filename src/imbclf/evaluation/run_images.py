"""Some of a run's own images, each with the fold whose model never saw it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import UnionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.data.dataset import LabelledFolder
from imbclf.data.decoding import UnreadableImage, decode
from imbclf.data.stratified import balanced_sample
from imbclf.errors import UserError
from imbclf.evaluation.comparison import read_run
from imbclf.prediction.export.sample import KnownImages
from imbclf.prediction.manifest import MANIFEST, read_size
from imbclf.utils.safe_reading import UNREADABLE, read_json, read_yaml

# Gives uint8 [M, H, W, 3] for the names of M images; raises UserError where it cannot.
Photographs = Callable[[Sequence[str]], NDArray[np.uint8]]
KINDS: dict[str, type | UnionType] = {
    "dir": str,
    "images": str,
    "labels": str | None,
    "label_map": dict | None,
    "on_corrupt": str,
}


def sample_run_images(run: Path, folder: str | None, count: int, seed: int = 0) -> KnownImages:
    """Decode some images of a finished run, in random order: of each label as many, where it can.

    Args:
        run: the run directory.
        folder: the data folder; None where the run's configuration says.
        count: of images, at most.
        seed: of the drawing.

    Raises:
        UserError: the run is not finished, or its images cannot be read.
    """
    table = read_run(run).oof.reset_index()
    table = table[~table["file"].duplicated()]
    labels = table["label"].to_numpy(np.int64)
    drawn = np.random.default_rng(seed).permutation(balanced_sample(labels, count, seed))
    if not len(drawn):
        raise UserError(f"images={count}: expected 2 or more images")
    pixels = from_run(run, folder)([str(file) for file in table["file"].iloc[drawn]])
    folds = table["fold"].to_numpy(np.int64)[drawn]
    groups = table["group"].to_numpy(np.str_)[drawn] if "group" in table else None
    return KnownImages(pixels, labels[drawn], folds, groups)


def from_memory(files: NDArray[np.str_], pixels: NDArray[np.uint8]) -> Photographs:
    """Take images `[N, H, W, 3]` by their names `[N]`.

    >>> from_memory(np.array(["a", "b"]), np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3))(
    ...     ["b"]
    ... ).shape
    (1, 2, 2, 3)
    """

    def take(names: Sequence[str]) -> NDArray[np.uint8]:
        row_of = {str(name): row for row, name in enumerate(files)}
        return pixels[[row_of[name] for name in names]]

    return take


def from_run(run: Path, folder: str | None) -> Photographs:
    """Decode images again, from the data folder that a run's configuration names or from another.

    Only those that are asked for are decoded, and nothing that the configuration names is called.

    Args:
        run: the run directory.
        folder: the data folder, where it is no longer that of the configuration.
    """

    def take(names: Sequence[str]) -> NDArray[np.uint8]:
        options = data_options(run)
        data = LabelledFolder(**(options if folder is None else {**options, "dir": folder}))
        root = data.list_files().root
        try:
            size = read_size(read_json(run / "predictor" / MANIFEST))
            return np.stack([decode(root / name, size) for name in names])
        except (*UNREADABLE, UnreadableImage) as error:
            raise UserError(f"{root}: the run's images cannot be read ({error})") from error

    return take


def data_options(run: Path) -> dict[str, Any]:
    """Return where the images lie, of the options in a run's `config.yaml`.

    Raises:
        UserError: it does not say so.
    """
    try:
        options = read_yaml(run / "config.yaml")["data"]
        found = {name: options[name] for name in KINDS if name in options or name == "dir"}
        for name, value in found.items():
            if not isinstance(value, KINDS[name]):
                raise TypeError(f"{name}: not what it should be")
        return found
    except UNREADABLE as error:
        raise UserError(f"{run / 'config.yaml'}: names no data folder ({error!r})") from error
