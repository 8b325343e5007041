"""The quick way through a JPEG file gives Pillow's pixels, or leaves the file to Pillow."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from PIL import Image

import imbclf.data.jpeg
from imbclf.data.jpeg import decode_plain_jpeg

OPTIONS = st.fixed_dictionaries(
    {
        "quality": st.integers(1, 100),
        "subsampling": st.sampled_from([0, 1, 2]),
        "progressive": st.booleans(),
        "optimize": st.booleans(),
        "restart_marker_blocks": st.sampled_from([0, 1, 3]),
        "comment": st.sampled_from([b"", b"GIMP"]),
        "dpi": st.sampled_from([(0, 0), (72, 300)]),
    }
)


def noise(height: int, width: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), "u1"))


def saved(image: Image.Image, form: str = "JPEG", **options: object) -> BytesIO:
    arguments: dict[str, Any] = options
    image.save(file := BytesIO(), form, **arguments)
    return file


def by_pillow(file: BytesIO) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 99), OPTIONS)
def test_the_pixels_are_those_of_pillow(
    height: int, width: int, seed: int, options: dict[str, Any]
) -> None:
    file = saved(noise(height, width, seed), **options)
    decoded = decode_plain_jpeg(file, (height, width))
    assert decoded is not None
    assert decoded.flags.writeable
    np.testing.assert_array_equal(decoded, by_pillow(file))


@settings(deadline=None, max_examples=400)
@given(st.integers(0, 99), OPTIONS, st.data())
@pytest.mark.filterwarnings("ignore")  # Pillow's, of what it reads all the same
def test_a_damaged_file_has_the_pixels_of_pillow_or_is_left_to_it(
    seed: int, options: dict[str, Any], data: st.DataObject
) -> None:
    content = bytearray(saved(noise(12, 20, seed), **options).getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(3, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(len(content) - 3, len(content)))]
    decoded = decode_plain_jpeg(BytesIO(content), None)
    if decoded is not None:
        np.testing.assert_array_equal(decoded, by_pillow(BytesIO(content)))


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_left_to_pillow(share: float) -> None:
    content = saved(noise(40, 40)).getvalue()
    assert decode_plain_jpeg(BytesIO(content[: int(len(content) * share)]), None) is None


def test_other_images_are_left_to_pillow() -> None:
    image = noise(8, 6)
    exif = image.getexif()
    exif[0x0112] = 6
    for file in (
        saved(image, exif=exif),
        saved(image, xmp=b'<tiff:Orientation="3"/>'),
        saved(image.convert("L")),
        saved(image.convert("CMYK")),
        saved(image, keep_rgb=True),
        saved(image, "PNG"),
        BytesIO(),
    ):
        assert decode_plain_jpeg(file, None) is None
    assert decode_plain_jpeg(saved(image), (6, 8)) is None
    assert decode_plain_jpeg(saved(image), (8, 6)) is not None


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = saved(noise(8, 6))
    path = tmp_path / "x.png"  # a suffix says nothing
    path.write_bytes(file.getvalue())
    for source in (path, str(path)):
        decoded = decode_plain_jpeg(source, None)
        assert decoded is not None
        np.testing.assert_array_equal(decoded, by_pillow(file))
    for other in (tmp_path, tmp_path / "missing"):
        assert decode_plain_jpeg(other, None) is None
    monkeypatch.setattr(imbclf.data.jpeg, "LARGEST", path.stat().st_size - 1)
    assert decode_plain_jpeg(path, None) is None
    monkeypatch.setattr(imbclf.data.jpeg, "LARGEST", 8 * 6 - 1)
    assert decode_plain_jpeg(file, None) is None
