import io
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from imbclf.data.decoding import UnreadableImage, decode, height_width
from imbclf.data.image_content import FORMATS

RED, GREEN, BLUE, WHITE, BLACK = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (255, 255, 255),
    (0, 0, 0),
)
Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Write an image, or an array as one, to a file."""

    def save(
        image: Image.Image | NDArray[np.generic], name: str = "x.png", **options: object
    ) -> Path:
        picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
        arguments: dict[str, Any] = options
        picture.save(tmp_path / name, **arguments)
        return tmp_path / name

    return save


def colors(*rows: tuple[tuple[int, ...], ...]) -> NDArray[np.uint8]:
    return np.array(rows, dtype=np.uint8)


@pytest.fixture
def photo() -> NDArray[np.uint8]:
    """A smooth picture, 48 high and 64 wide, different in every corner and channel."""
    down, across = np.mgrid[0:48, 0:64]
    channels = [across * 4, down * 5, (across + down) * 2]
    return np.stack(channels, axis=-1).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "options", "tolerance"),
    [
        ("x.png", {}, 0),
        ("x.bmp", {}, 0),
        ("x.webp", {"lossless": True}, 0),
        ("x.webp", {"quality": 95}, 12),
        ("x.jpg", {"quality": 95, "subsampling": 0}, 6),
        ("x.jpeg", {"quality": 95, "subsampling": 0, "progressive": True}, 6),
        ("x.tif", {}, 0),
        ("x.tif", {"compression": "tiff_lzw"}, 0),
        ("x.tif", {"compression": "tiff_adobe_deflate"}, 0),
        ("x.avif", {"quality": 95}, 12),
        ("x.jp2", {"irreversible": False}, 0),
        ("x.ppm", {}, 0),
    ],
)
def test_formats(
    save: Save, photo: NDArray[np.uint8], name: str, options: dict[str, Any], tolerance: int
) -> None:
    path = save(photo, name, **options)
    decoded = decode(path, None)
    assert decoded.shape == (48, 64, 3)
    assert decoded.dtype == np.uint8
    assert decoded.flags.writeable
    np.testing.assert_allclose(decoded.astype(int), photo.astype(int), atol=tolerance)
    assert height_width(path) == (48, 64)


def test_the_content_tells_the_format(save: Save, photo: NDArray[np.uint8]) -> None:
    path = save(photo)
    np.testing.assert_array_equal(decode(path.rename(path.with_suffix(".jpg")), None), photo)


@pytest.mark.parametrize(
    "name", ["x.png", "x.jpg", "x.webp", "x.bmp", "x.tif", "x.gif", "x.jp2", "x.avif", "x.pgm"]
)
def test_grayscale(save: Save, name: str) -> None:
    path = save(np.full((16, 16), 90, dtype=np.uint8), name)
    np.testing.assert_allclose(decode(path, None).astype(int), 90, atol=1)


def test_black_and_white(save: Save) -> None:
    image = Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).convert("1")
    np.testing.assert_array_equal(decode(save(image), None), colors((BLACK, WHITE)))


def test_palette(save: Save) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putpixel((1, 0), 1)
    np.testing.assert_array_equal(decode(save(image), None), colors((RED, BLUE)))


@pytest.mark.parametrize("transparency", [0, b"\x00\xff"])
def test_transparent_palette_entries_show_white(save: Save, transparency: int | bytes) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putpixel((1, 0), 1)
    decoded = decode(save(image, transparency=transparency), None)
    np.testing.assert_array_equal(decoded, colors((WHITE, BLUE)))


@pytest.mark.parametrize("name", ["x.png", "x.webp"])
def test_alpha_is_laid_on_white(save: Save, name: str) -> None:
    rgba = colors(((*RED, 255), (*RED, 0), (*BLACK, 51)))
    decoded = decode(save(rgba, name, **({"lossless": True} if name == "x.webp" else {})), None)
    np.testing.assert_array_equal(decoded, colors((RED, WHITE, (204, 204, 204))))


def test_gray_alpha_is_laid_on_white(save: Save) -> None:
    image = Image.merge("LA", [Image.new("L", (1, 1), 100), Image.new("L", (1, 1), 51)])
    expected = round(100 * 0.2 + 255 * 0.8)
    np.testing.assert_array_equal(decode(save(image), None), np.full((1, 1, 3), expected))


def test_a_color_can_stand_for_transparent(save: Save) -> None:
    path = save(colors((RED, GREEN)), transparency=GREEN)
    np.testing.assert_array_equal(decode(path, None), colors((RED, WHITE)))


def test_cmyk(save: Save) -> None:
    path = save(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "x.jpg")
    np.testing.assert_allclose(decode(path, None), np.full((16, 16, 3), RED), atol=3)


def test_16_bit_gray_is_scaled_not_clipped(save: Save) -> None:
    values = np.array([[0, 128, 129, 257, 32768, 65535]], dtype=np.uint16)
    decoded = decode(save(values), None)
    expected = [round(value * 255 / 65535) for value in values[0].tolist()]
    assert expected == [0, 0, 1, 1, 128, 255]
    np.testing.assert_array_equal(decoded, np.repeat([expected], 3, axis=0).T[None])


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(save: Save, photo: NDArray[np.uint8], name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(photo, name, exif=exif)
    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(decode(path, None), upright)
    assert height_width(path) == upright.shape[:2]
    assert upright.shape == ((64, 48, 3) if orientation > 4 else (48, 64, 3))


def test_a_camera_that_stores_a_preview_too(save: Save, photo: NDArray[np.uint8]) -> None:
    preview = Image.new("RGB", (8, 8), RED)
    path = save(photo, "x.mpo", format="MPO", save_all=True, append_images=[preview], quality=95)
    assert decode(path, None).shape == (48, 64, 3)


def test_orientation_6_turns_right(save: Save) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(colors((RED, GREEN, BLUE)), exif=exif)
    np.testing.assert_array_equal(decode(path, None), colors((RED,), (GREEN,), (BLUE,)))


def test_broken_metadata_does_not_cost_the_image(save: Save, photo: NDArray[np.uint8]) -> None:
    path = save(photo, "x.jpg", exif=b"Exif\x00\x00 neither big nor little")
    assert decode(path, None).shape == (48, 64, 3)
    assert height_width(path) == (48, 64)


@pytest.mark.parametrize("name", ["x.gif", "x.webp", "x.png"])
def test_the_first_frame_of_an_animation(save: Save, name: str) -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in (RED, BLUE)]
    options = {"lossless": True} if name == "x.webp" else {}
    path = save(frames[0], name, save_all=True, append_images=frames[1:], **options)
    np.testing.assert_array_equal(decode(path, None), np.full((4, 4, 3), RED))


# Size


@pytest.mark.parametrize("size", [(48, 64), (24, 32), (10, 70), (96, 128), (3, 4)])
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
def test_size_is_height_and_width_of_the_upright_image(
    save: Save, photo: NDArray[np.uint8], size: tuple[int, int], orientation: int, name: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(photo, name, exif=exif)
    decoded = decode(path, size)
    assert decoded.shape == (*size, 3)
    upright = decode(path, None)
    # The mean over an image survives every resizing that looks at all its pixels.
    np.testing.assert_allclose(decoded.mean((0, 1)), upright.mean((0, 1)), atol=4)


@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
@pytest.mark.parametrize("factor", [2, 4, 16])
def test_shrinking_averages(save: Save, name: str, factor: int) -> None:
    stripes = np.zeros((128, 128, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    decoded = decode(save(stripes, name), (128 // factor, 128 // factor))
    inner = decoded[1:-1, 1:-1].astype(int)
    np.testing.assert_allclose(inner, 127.5, atol=8)


def test_a_large_photo_shrinks_as_if_decoded_in_full(save: Save, photo: NDArray[np.uint8]) -> None:
    large = Image.fromarray(photo).resize((1024, 768), Image.Resampling.BICUBIC)
    path = save(large, "x.jpg", quality=95)
    full = Image.fromarray(decode(path, None)).resize((64, 48), Image.Resampling.BILINEAR)
    difference = decode(path, (48, 64)).astype(int) - np.asarray(full).astype(int)
    assert abs(difference).max() <= 4


# What is no image


@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.webp", "x.bmp", "x.gif", "x.tif", "x.ppm"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated(save: Save, name: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(noise, name)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UnreadableImage):
        decode(path, (8, 8))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"<html>404 Not Found</html>", "a web page, not an image"),
        (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
            "not one of JPEG, PNG, WEBP, BMP, GIF, TIFF, AVIF, JPEG 2000, PPM, DICOM, HEIC",
        ),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    for read in (lambda path: decode(path, None), height_width):
        with pytest.raises(UnreadableImage, match=f"^{reason}$"):
            read(tmp_path / "x.jpg")


@pytest.mark.parametrize("size", [(1, 1), (20_000, 2), (2, 20_000)])
def test_extreme_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, (10, 20, 30)).save(tmp_path / "x.png")
    assert height_width(tmp_path / "x.png") == (size[1], size[0])
    assert (decode(tmp_path / "x.png", (8, 8)) == (10, 20, 30)).all()


def test_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="No such file"):
        decode(tmp_path / "gone.jpg", None)
    with pytest.raises(UnreadableImage, match="Is a directory"):
        decode(tmp_path, None)


def test_decompression_bomb(
    save: Save, photo: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(photo)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48 * 64 // 2 - 1)
    with pytest.raises(UnreadableImage, match="bomb"):
        decode(path, None)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48 * 64 // 2 + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        assert decode(path, None).shape == (48, 64, 3)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([*FORMATS]), st.data())
def test_damaged_files_give_an_image_or_unreadable_image(form: str, data: st.DataObject) -> None:
    stream = io.BytesIO()
    Image.radial_gradient("L").resize((32, 32)).convert("RGB").save(stream, form)
    content = bytearray(stream.getvalue())
    for place in data.draw(st.lists(st.integers(0, min(len(content), 400) - 1), max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    with tempfile.NamedTemporaryFile() as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file.write(content)
        file.flush()
        with suppress(UnreadableImage):
            assert decode(Path(file.name), (8, 8)).shape == (8, 8, 3)
