"""The images of a prediction page: which of them, as detailed as their files, with heat maps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm.auto import tqdm

from imbclf.data.decoding import UnreadableImage, decode
from imbclf.data.listing import Listing
from imbclf.models.saliency import smooth_gradients
from imbclf.prediction.fold_model import FoldModel
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.shared_network import all_logits, ensemble_networks
from imbclf.reporting.embedded_images import thumbnail

DOUBTFUL, EACH = 100, 50  # images that are shown: the most doubtful, and others of each label
LARGEST = 600  # pixels of an image on the page


@dataclass(frozen=True, eq=False)
class Choice:
    """Which of N images are shown.

    Attributes:
        doubtful: the nearest to the threshold, the nearest first.
        others: of label 0 and of label 1 some of the rest, from doubtful to sure.
        left: how many of the rest there are of label 0 and of label 1.
    """

    doubtful: NDArray[np.int64]
    others: tuple[NDArray[np.int64], NDArray[np.int64]]
    left: tuple[int, int]

    @property
    def rows(self) -> NDArray[np.int64]:
        """Return all of them, each once."""
        return np.concatenate([self.doubtful, *self.others])


def choose_images(
    margins: NDArray[np.float64],
    decisions: NDArray[np.int64],
    doubtful: int = DOUBTFUL,
    each: int = EACH,
    referred: NDArray[np.bool_] | None = None,
) -> Choice:
    """Choose the most doubtful images, and of the others of each label some of every certainty.

    Args:
        margins: `[N]`, by how much each image is label 1.
        decisions: `[N]`, 0 or 1.
        doubtful: how many doubtful ones, at most.
        each: how many others of each label, at most.
        referred: `[N]`, which images are referred to a person: these are the doubtful ones then.

    >>> choice = choose_images(np.array([-3.0, 0.1, 2.0, -0.2]), np.array([0, 1, 1, 0]), 2, 1)
    >>> choice.doubtful.tolist(), [rows.tolist() for rows in choice.others]
    ([1, 3], [[0], [2]])
    """
    order = np.argsort(np.abs(margins), kind="stable")
    first, rest = order[:doubtful], order[doubtful:]
    if referred is not None:
        first, rest = order[referred[order]][:doubtful], order[~referred[order]]
    zero, one = (rest[decisions[rest] == label] for label in (0, 1))
    return Choice(first, (_spread(zero, each), _spread(one, each)), (len(zero), len(one)))


def _spread(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return at most `count` of some rows, the first and the last among them."""
    places = np.linspace(0, max(len(rows) - 1, 0), min(count, len(rows))).round().astype(np.int64)
    chosen: NDArray[np.int64] = rows[places]
    return chosen


def detailed_images(
    predictor: Predictor,
    listing: Listing,
    pixels: NDArray[np.uint8],
    rows: Sequence[int],
) -> list[NDArray[np.uint8]]:
    """Return some images `[h, w, 3]` of at most 600 pixels, which show what the networks see.

    Where images are squashed for the networks, this is the whole image in its own shape; where they
    are padded or cut, it is as the networks see it, and so it is if the file is gone meanwhile.

    Args:
        predictor: the ensemble, which says how images are decoded.
        listing: the N images.
        pixels: `[N, H, W, 3]`, as the networks see them.
        rows: which of them.
    """
    options = predictor.pixel_options
    if options.fit != "squash":
        return [np.array(pixels[row]) for row in rows]
    shown: list[NDArray[np.uint8]] = []
    for row in rows:
        try:
            whole = decode(listing.root / str(listing.files[row]), None, options)
        except (UnreadableImage, OSError):
            whole = np.array(pixels[row])
        shown.append(thumbnail(whole, LARGEST))
    return shown


class _MeanLogit(nn.Module):
    """The mean logit of several networks, which is what the score of an ensemble moves with."""

    def __init__(self, models: Sequence[FoldModel]) -> None:
        super().__init__()
        self.networks = ensemble_networks(models)

    def forward(self, images: Tensor) -> Tensor:
        return all_logits(self.networks, images).mean(dim=1)


def heat_maps(
    predictor: Predictor, pixels: NDArray[np.uint8], rows: Sequence[int], device: torch.device
) -> list[NDArray[np.float64]]:
    """Return where the ensemble looks in some images, `[H, W]` each, 0 to 1 (`smooth_gradients`).

    Args:
        predictor: the ensemble.
        pixels: `[N, H, W, 3]`.
        rows: which of them.
        device: where to compute.
    """
    network = _MeanLogit(predictor.fold_models)
    with_progress = tqdm(rows, desc="heat maps", disable=None, leave=False)
    return [smooth_gradients(network, np.array(pixels[[row]]), device)[0] for row in with_progress]
