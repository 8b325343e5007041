"""Some of a run's own images, each with the fold whose model never saw it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.probe import probe_sample
from imbclf.ranking import read_run
from imbclf.report import from_run


@dataclass(frozen=True, eq=False)
class KnownImages:
    """N images of a run.

    Attributes:
        pixels: uint8 `[N, H, W, 3]`, of the run's own size.
        labels: int64 `[N]`.
        folds: int64 `[N]`, whose test part each was in.
        groups: `[N]` names of what belongs together, or None.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    groups: NDArray[np.str_] | None = None

    def take(self, places: slice) -> "KnownImages":
        """Give some of them."""
        groups = None if self.groups is None else self.groups[places]
        return KnownImages(self.pixels[places], self.labels[places], self.folds[places], groups)


def known_images(run: Path, folder: str | None, count: int, seed: int = 0) -> KnownImages:
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
    drawn = np.random.default_rng(seed).permutation(probe_sample(labels, count, seed))
    if not len(drawn):
        raise UserError(f"images={count}: expected 2 or more images")
    pixels = from_run(run, folder)([str(file) for file in table["file"].iloc[drawn]])
    folds = table["fold"].to_numpy(np.int64)[drawn]
    groups = table["group"].to_numpy(np.str_)[drawn] if "group" in table else None
    return KnownImages(pixels, labels[drawn], folds, groups)
