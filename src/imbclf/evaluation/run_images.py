"""A sample of a run's own images, each with the fold whose model never saw it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imbclf.data.dataset import LabelledFolder
from imbclf.data.decoding import UnreadableImage, decode
from imbclf.data.stratified import balanced_sample
from imbclf.errors import UserError
from imbclf.evaluation.finished_run import read_run
from imbclf.prediction.export.sample import KnownImages
from imbclf.prediction.manifest import PREDICTOR, Manifest
from imbclf.utils.safe_reading import read_yaml, readable
from imbclf.utils.schema import Check, field, mapping, optional, text

# Takes the names of M images, returns uint8 [M, H, W, 3]; raises UserError where it cannot.
Photographs = Callable[[Sequence[str]], NDArray[np.uint8]]
OPTIONS: dict[str, Check[Any]] = {
    "dir": text,
    "images": text,
    "labels": optional(text),
    "label_map": optional(mapping),
    "on_corrupt": text,
    "part": optional(text),
}


def sample_run_images(run: Path, folder: str | None, count: int, seed: int = 0) -> KnownImages:
    """Decode a random sample of a finished run's images, balanced between labels if possible.

    Args:
        run: the run directory.
        folder: the data folder; None is that of the run's configuration.
        count: number of images, at most.
        seed: of the sample.

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
    """Look images `[N, H, W, 3]` up by their names `[N]`.

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
    """Decode images from the data folder of a run's configuration, or from another.

    Nothing that the configuration names is called.

    Args:
        run: the run directory.
        folder: the data folder; None is that of the configuration.
    """

    def take(names: Sequence[str]) -> NDArray[np.uint8]:
        options = data_options(run)
        data = LabelledFolder(**(options if folder is None else {**options, "dir": folder}))
        root = data.list_files().root
        size = Manifest.load(run / PREDICTOR).image_size
        with readable(root, "the images of this run", "Give their folder: data.dir=PATH"):
            return np.stack([_decode(root / name, size) for name in names])

    return take


def data_options(run: Path) -> dict[str, Any]:
    """Read where the images are: the section `data` of a run's `config.yaml`.

    Raises:
        UserError: it is missing or damaged.
    """
    path = run / "config.yaml"
    with readable(path, "a configuration of imbclf-train that names the data folder"):
        stored = field(read_yaml(path), "data", mapping)
        names = [name for name in OPTIONS if name in stored or name == "dir"]
        return {name: field(stored, name, OPTIONS[name]) for name in names}


def _decode(path: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    try:
        return decode(path, size)
    except UnreadableImage as error:
        raise ValueError(f"{path.name}: {error}") from error
