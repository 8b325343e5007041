"""Views of an image, against padding and cropping by hand."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imbclf.augment.tta import Tta, check_tta, check_views, views
from imbclf.errors import UserError
from imbclf.prediction.scoring import score_images

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)


class Corner(nn.Module):
    """A score that every shift and mirroring changes."""

    def forward(self, images: Tensor) -> Tensor:
        weights = torch.linspace(0, 1, images[0].numel()).view(images.shape[1:]) ** 2
        return (images.double() * weights).mean((1, 2, 3))


def by_hand(image: NDArray[np.uint8], tta: Tta) -> list[NDArray[np.uint8]]:
    moves = [(0, 0)]
    if tta == "shift":
        moves += [(-2, 0), (2, 0), (0, -3), (0, 3)]
    padded = np.pad(image, ((2, 2), (3, 3), (0, 0)), mode="reflect")
    moved = [padded[2 + y : 34 + y, 3 + x : 51 + x] for y, x in moves]
    return moved if tta == "none" else [*moved, *(view[:, ::-1] for view in moved)]


@pytest.mark.parametrize("tta", ["none", "flip", "shift"])
def test_scores_are_the_mean_over_views_made_by_hand(tta: Tta) -> None:
    scores = score_images(Corner(), IMAGES, np.arange(5), torch.device("cpu"), tta=tta)
    for image, score in zip(IMAGES, scores, strict=True):
        seen = torch.from_numpy(np.stack(by_hand(image, tta)))
        assert score == pytest.approx(float(Corner()(seen).mean()))


def test_views_differ_and_keep_shape_and_type() -> None:
    images = torch.from_numpy(IMAGES)
    seen = list(views(images, "shift"))
    assert len({view.numpy().tobytes() for view in seen}) == 10
    assert {view.shape for view in seen} == {images.shape}
    assert {view.dtype for view in seen} == {torch.uint8}


def test_images_that_have_no_shifted_views_are_refused() -> None:
    for height, width in ((1, 64), (64, 1)):
        check_views("tta", "flip", height, width)
        with pytest.raises(UserError, match=rf"cv\.tta=shift: images of {height}x{width} pixels"):
            check_views("cv.tta", "shift", height, width)
    check_views("cv.tta", "shift", 2, 2)
    assert len([*views(torch.zeros(1, 2, 2, 3), "shift")]) == 10


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(UserError, match=r"cv\.tta=turn: expected one of none, flip, shift"):
        check_tta("cv.tta", "turn")
