"""Images of another shape are squashed, padded or cropped."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from imbclf.data.dataset import LabelledFolder
from imbclf.data.decoding import decode, to_pixels
from imbclf.data.image_cache import cache_key, open_images
from imbclf.data.listing import Listing
from imbclf.data.pixel_options import Fit, PixelOptions
from imbclf.errors import UserError


@pytest.mark.parametrize(
    ("height", "width", "covered"),
    [
        (20, 80, (10, 40)),
        (80, 20, (40, 10)),
        (33, 17, (40, 21)),
        (7, 7, (40, 40)),
        (1, 900, (1, 40)),
    ],
)
@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
def test_pad_keeps_the_shape_in_the_middle_of_black(
    tmp_path: Path, name: str, height: int, width: int, covered: tuple[int, int]
) -> None:
    Image.new("RGB", (width, height), "white").save(tmp_path / name)
    shown = decode(tmp_path / name, (40, 40), PixelOptions(fit="pad")).max(axis=2) > 127
    for axis in (0, 1):
        lines = np.flatnonzero(shown.any(axis=1 - axis))
        assert abs(len(lines) - covered[axis]) <= 1
        assert abs(lines[0] - (39 - lines[-1])) <= 1
    assert shown.sum() == shown.any(axis=1).sum() * shown.any(axis=0).sum()


@pytest.mark.parametrize("size", [(40, 40), (24, 60), (60, 24)])
@pytest.mark.parametrize("shape", [(90, 200), (200, 90), (24, 60)])
def test_pad_and_crop_are_those_of_pillow(size: tuple[int, int], shape: tuple[int, int]) -> None:
    down, across = np.mgrid[0 : shape[0], 0 : shape[1]]
    smooth = np.stack([across, down, across + down], axis=-1) % 256
    image = Image.fromarray((smooth // 2 + 40).astype(np.uint8))
    method, goal = Image.Resampling.BILINEAR, (size[1], size[0])
    for fit, expected in (
        ("crop", ImageOps.fit(image, goal, method)),
        ("pad", ImageOps.pad(image, goal, method)),
        ("squash", image.resize(goal, method)),
    ):
        found = to_pixels(image, size, PixelOptions(fit=fit))  # type: ignore[arg-type]
        difference = abs(found.astype(int) - np.asarray(expected).astype(int))
        assert np.quantile(difference, 0.95) <= 2, fit


def test_the_orientation_comes_first(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (80, 20), "white").save(tmp_path / "x.png", exif=exif)
    shown = decode(tmp_path / "x.png", (40, 40), PixelOptions(fit="pad")).max(axis=2) > 0
    assert (shown.any(axis=1).sum(), shown.any(axis=0).sum()) == (40, 10)


@pytest.mark.parametrize("fit", ["pad", "crop", "squash", None])
def test_a_set_is_fitted_and_cached_by_its_mode(tmp_path: Path, fit: Fit | None) -> None:
    for number, size in enumerate([(80, 20), (20, 80), (40, 40)]):
        Image.radial_gradient("L").resize(size).save(tmp_path / f"{number}.png")
    listing = Listing(tmp_path, np.array(["0.png", "1.png", "2.png"]))
    options = PixelOptions(fit=fit)
    pixels, _ = open_images(listing, 40, tmp_path / "cache", options=options)
    expected = np.stack([decode(tmp_path / file, (40, 40), options) for file in listing.files])
    np.testing.assert_array_equal(pixels, expected)
    is_default = fit in ("squash", None)
    assert (cache_key(listing, (40, 40), options) == cache_key(listing, (40, 40))) == is_default


def test_other_modes_are_refused() -> None:
    with pytest.raises(UserError, match=r"data\.fit=stretch: expected one of squash, pad, crop"):
        LabelledFolder("photos", fit="stretch")  # type: ignore[arg-type]
