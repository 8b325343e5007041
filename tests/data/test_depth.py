"""Images of more than 8 bits get one scale, judged over their set."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imbclf.data.dataset import LabelledFolder
from imbclf.data.decode_worker import decode_in_workers
from imbclf.data.decoding import decode
from imbclf.data.image_cache import DecodedImages, cache_key, decode_images
from imbclf.data.listing import Listing
from imbclf.data.pixel_options import FULL, Depth, PixelOptions
from imbclf.errors import UserError

SIZE = (12, 9)


def gray(bits: int, seed: int, most: int | None = None) -> NDArray[np.uint16]:
    values = np.random.default_rng(seed).integers(0, most or 2**bits, SIZE, dtype=np.uint16)
    values.flat[0] = 2**bits - 1 if most is None else most
    return values


def opened(folder: Path, depth: Depth = None, **options: Any) -> DecodedImages:  # noqa: ANN401
    files = np.array(sorted(path.name for path in folder.iterdir() if path.is_file()))
    listing = Listing(folder, files)
    return decode_images(
        listing, None, folder / "cache", workers=2, options=PixelOptions(depth), **options
    )


def scale_of(found: DecodedImages) -> tuple[float, ...]:
    return tuple(found.options.scale or ())


def scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = ((values.astype(float) - low) / (high - low)).clip(0, 1)
    return np.repeat((shares * 255)[..., None], 3, axis=2)


@pytest.mark.slow
@pytest.mark.parametrize("bits", [8, 9, 10, 12, 15, 16])
@pytest.mark.parametrize("suffix", ["png", "tif", "pgm", "jp2"])
def test_the_greatest_value_of_the_set_decides(tmp_path: Path, bits: int, suffix: str) -> None:
    # Only the last image, and only one pixel of it, needs all bits.
    values = [gray(bits, seed, most=min(37 * (seed + 1), 2**bits - 1)) for seed in range(70)] + [
        gray(bits, 99)
    ]
    for number, one in enumerate(values):
        Image.fromarray(one).save(tmp_path / f"{number:03}.{suffix}")
    found = opened(tmp_path)
    assert scale_of(found) == (0, 2**bits - 1)
    for one, pixels in zip(values, found.pixels, strict=True):
        assert abs(scaled(one, 0, 2**bits - 1) - pixels).max() <= 0.5


def test_the_judgment_is_said_each_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Image.fromarray(gray(12, 0, most=3071)).save(tmp_path / "x.png")
    Image.new("L", SIZE[::-1], 77).save(tmp_path / "y.png")
    with caplog.at_level(logging.INFO, logger="imbclf"):
        for _ in range(2):
            pixels = opened(tmp_path).pixels
    said = "16-bit images hold values up to 3,071: taken as 12 bits (data.depth=12)"
    assert [record.message for record in caplog.records] == [said, said]
    assert (pixels[1] == 77).all()  # 8 bits are not touched


@pytest.mark.parametrize(
    ("depth", "low", "high"), [(10, 0, 1023), ((100, 900), 100, 900), ([0, 4095], 0, 4095)]
)
def test_a_given_depth_is_obeyed_and_clipping_is_said(
    tmp_path: Path, depth: Depth, low: float, high: float, caplog: pytest.LogCaptureFixture
) -> None:
    values = gray(12, 1)
    Image.fromarray(values).save(tmp_path / "x.png")
    found = opened(tmp_path, depth)
    assert scale_of(found) == (low, high)
    assert abs(scaled(values, low, high) - found.pixels[0]).max() <= 0.5
    assert ("become black or white" in caplog.text) == (high < 4095)


@pytest.mark.parametrize(
    ("low", "high", "scale"), [(0.1, 0.7, (0, 1)), (0.0, 1.0, (0, 1)), (-3.0, 812.5, (-3.0, 812.5))]
)
def test_floats(tmp_path: Path, low: float, high: float, scale: tuple[float, float]) -> None:
    values = np.random.default_rng(0).uniform(low, high, (3, *SIZE)).astype(np.float32)
    values[0, 0, 0], values[1, 0, 0], values[2, 0, 0] = low, high, np.nan
    for number, one in enumerate(values):
        Image.fromarray(one).save(tmp_path / f"{number}.tif")
    found = opened(tmp_path)
    assert scale_of(found) == pytest.approx(scale)
    expected = scaled(np.nan_to_num(values[2], nan=scale[0]), *scale)
    assert abs(expected - found.pixels[2]).max() <= 0.5 + 1e-3


def test_signed_values_get_their_own_range(tmp_path: Path) -> None:
    values = np.array([[-1024, 0, 3071]], dtype=np.int32)
    Image.fromarray(values).save(tmp_path / "x.tif")
    found = opened(tmp_path)
    assert scale_of(found) == (-1024, 3071)
    assert found.pixels[0, 0, :, 0].tolist() == [0, 64, 255]


def test_whole_numbers_and_floats_have_no_common_scale(tmp_path: Path) -> None:
    Image.fromarray(gray(12, 0)).save(tmp_path / "x.tif")
    Image.fromarray(np.full(SIZE, 0.5, np.float32)).save(tmp_path / "y.tif")
    with pytest.raises(UserError, match=r"data\.depth=auto: .*data\.depth=\[low,high\]"):
        opened(tmp_path)
    assert opened(tmp_path, [0, 1]).pixels[1].max() == 128


def test_white_is_zero_is_inverted(tmp_path: Path) -> None:
    values = gray(12, 3)
    Image.fromarray(values).save(tmp_path / "x.tif", tiffinfo={262: 0})
    found = opened(tmp_path)
    assert abs(255 - scaled(values, 0, 4095) - found.pixels[0]).max() <= 0.5


def test_a_pgm_that_states_its_greatest_value_keeps_to_it(tmp_path: Path) -> None:
    (tmp_path / "x.pgm").write_bytes(b"P5 3 1 1023\n" + bytes([0, 0, 1, 0xFF, 3, 0xFF]))
    found = opened(tmp_path)
    assert found.pixels[0, 0, :, 0].tolist() == [0, 127, 255]
    assert scale_of(found) == FULL


def test_a_set_of_8_bits_is_decoded_once_to_the_name_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []

    def counted(*given: Any) -> Any:  # noqa: ANN401
        started.append(given)
        return decode_in_workers(*given)

    monkeypatch.setattr("imbclf.data.decode_pass.decode_in_workers", counted)
    Image.new("RGB", (4, 4), "red").save(tmp_path / "x.png")
    listing = Listing(tmp_path, np.array(["x.png"]))
    depths: tuple[Depth, ...] = (None, "auto", 12, [0, 1], 16)
    for depth in depths:
        options = PixelOptions(depth)
        assert cache_key(listing, None, options) == cache_key(listing, None)
        assert scale_of(opened(tmp_path, depth)) == (options.scale or FULL)
    assert len(started) == 1
    Image.fromarray(gray(16, 0)).resize((4, 4)).save(tmp_path / "y.png")
    opened(tmp_path)
    assert len(started) == 2 + (np.asarray(Image.open(tmp_path / "y.png")).max() < 2**15)


def test_a_cache_holds_the_depth_that_was_asked_for(tmp_path: Path) -> None:
    values = gray(12, 5)
    Image.fromarray(values).save(tmp_path / "x.png")
    for depth, high in ((None, 4095), (16, 65535), ("auto", 4095), (12, 4095), (10, 1023)):
        pixels = opened(tmp_path, depth).pixels  # type: ignore[arg-type]
        assert abs(scaled(values, 0, high) - pixels[0]).max() <= 0.5


@pytest.mark.parametrize("deep", [True, False])
def test_a_cache_of_version_0_1_is_used_where_its_pixels_are_right(
    tmp_path: Path, deep: bool
) -> None:
    Image.fromarray(gray(12, 5) if deep else np.zeros(SIZE, np.uint8)).save(tmp_path / "x.png")
    opened(tmp_path)
    index = next((tmp_path / "cache").glob("*/index.json"))
    pixels = index.with_name("pixels.bin")
    stored = json.loads(index.read_text())
    index.write_text(json.dumps({key: stored[key] for key in ("shape", "unreadable")}))
    pixels.write_bytes(b"\x07" * pixels.stat().st_size)
    assert bool((opened(tmp_path).pixels == 7).all()) is not deep


@pytest.mark.parametrize(
    "depth", [7, 17, 12.0, True, "deep", [1], [2, 1], [0, float("nan")], [1, 1], ["0", "1"]]
)
def test_other_depths_are_refused(depth: object) -> None:
    with pytest.raises(UserError, match=r"data\.depth=.*: expected auto, a number of bits from 8"):
        LabelledFolder("photos", depth=depth)  # type: ignore[arg-type]


def test_one_image_whose_set_is_not_known_counts_as_16_bits(tmp_path: Path) -> None:
    Image.fromarray(gray(12, 5)).save(tmp_path / "x.png")
    assert decode(tmp_path / "x.png", None).max() == 16
    assert decode(tmp_path / "x.png", None, PixelOptions(12)).max() == 255
