"""Files are known by their content, and what is no image is called by its name."""

import gzip
import io
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imbclf.data.dataset import LabelledFolder
from imbclf.data.decoding import (
    DECODABLE_SUFFIXES,
    UnreadableImage,
    decode,
    looks_like_image,
    read_header,
)
from imbclf.data.exploration.explore import explore
from imbclf.data.exploration.findings import findings
from imbclf.data.image_cache import open_images
from imbclf.data.image_headers import read_headers
from imbclf.data.listing import Listing
from imbclf.data.opening import pixel_limit
from imbclf.data.pixel_options import PixelOptions
from imbclf.errors import UserError
from imbclf.utils.install_line import install_line

FORMS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "JPEG2000", "PPM", "MPO")


def stored(form: str, image: Image.Image | None = None) -> bytes:
    buffer = io.BytesIO()
    (image or Image.new("RGB", (32, 24), (200, 30, 60))).save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize("form", FORMS)
def test_every_format_is_known_without_a_suffix(tmp_path: Path, form: str) -> None:
    (tmp_path / "x").write_bytes(stored(form))
    assert looks_like_image(tmp_path / "x")
    header = read_header(tmp_path / "x")
    assert (header.height, header.width, header.pages) == (24, 32, 1)
    assert abs(decode(tmp_path / "x", None).mean((0, 1)) - (200, 30, 60)).max() < 8


def test_the_usual_suffixes_are_those_that_pillow_knows_for_these_formats() -> None:
    Image.init()
    known = {suffix for suffix, form in Image.registered_extensions().items() if form in FORMS}
    known -= {".apng", ".avifs", ".j2c", ".jpc", ".jpf", ".bw", ".pfm"}
    assert known <= {*DECODABLE_SUFFIXES}


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"%!PS-Adobe-3.0 EPSF", b"PK\3\4", b"BMW was here, long ago", b"P1 a"],
)
def test_other_files_do_not_look_like_images(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    assert not looks_like_image(tmp_path / "x.png")
    assert not looks_like_image(tmp_path / "gone")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "^empty file$"),
        (b"\n <!DOCTYPE html><html></html>", "^a web page, not an image$"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (gzip.compress(b"anything", mtime=0), "^gzipped data"),
        (bytes(5000), "^only zeros$"),
        (bytes(4999) + b"\1", "^not one of JPEG, PNG"),
        (stored("JPEG")[:200], "^cut short"),
        (stored("PNG")[:20], "^cut short"),
        (stored("TIFF")[:-50], "^cut short"),
    ],
)
def test_reasons_tell_apart_what_is_no_image(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(UnreadableImage, match=reason):
        decode(tmp_path / "x.jpg", None)


def test_the_first_of_several_pages_is_used_and_said_to_be(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(8):
            pages = [
                Image.fromarray(random.integers(0, 256, (24, 32, 3), dtype=np.uint8))
                for _ in range(3)
            ]
            path = tmp_path / label / f"{number}.png"  # a TIFF all the same
            pages[0].save(path, "TIFF", save_all=True, append_images=pages[1:])
            assert read_header(path).pages == 3
            np.testing.assert_array_equal(decode(path, None), np.asarray(pages[0]))
    data = LabelledFolder(str(tmp_path), cache_dir=str(tmp_path / ".cache"))
    lines = findings(explore(data, None, 3, 0, False))
    assert any("up to 3: 16. Only the first" in line for line in lines)
    for _ in ("decoded by the exploration", "cached"):
        listing = data.list_files()
        data.open(listing)
        assert any("up to 3: 16. Only the first" in note for note in listing.account.notes)


# The limit of pixels


def test_a_lower_and_a_higher_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for form in ("PNG", "JPEG"):
        (tmp_path / "x").write_bytes(stored(form))
        with pytest.raises(UnreadableImage, match=r"768 pixels .* data\.max_pixels=768"):
            decode(tmp_path / "x", None, PixelOptions(max_pixels=767))
        assert decode(tmp_path / "x", None, PixelOptions(max_pixels=768)).shape == (24, 32, 3)
    (tmp_path / "x").write_bytes(stored("PNG"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UnreadableImage, match=r"768 pixels are more than 200; .*max_pixels=768"):
        decode(tmp_path / "x", None)
    assert decode(tmp_path / "x", None, PixelOptions(max_pixels=1000)).shape == (24, 32, 3)
    assert Image.MAX_IMAGE_PIXELS == 100
    # A header costs nothing: those of large images are read.
    listing = Listing(tmp_path, np.array(["x"]))
    assert read_headers(listing)[0] is not None
    assert Image.MAX_IMAGE_PIXELS == 100


def test_pillows_limit_is_put_back_by_many_threads(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(stored("PNG"))
    before = Image.MAX_IMAGE_PIXELS
    options = [PixelOptions(max_pixels=1000 + number) for number in range(8)]

    def work(one: PixelOptions) -> None:
        for _ in range(50):
            decode(tmp_path / "x", None, one)

    threads = [threading.Thread(target=work, args=(one,)) for one in options]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert before == Image.MAX_IMAGE_PIXELS


def test_the_limit_reaches_the_decoding_processes(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(stored("PNG"))
    listing = Listing(tmp_path, np.array(["x.png"]))
    with pytest.raises(UserError, match=r"x\.png: 768 pixels are more than 700.*max_pixels=768"):
        open_images(listing, None, tmp_path / "cache", options=PixelOptions(max_pixels=700))
    pixels, _ = open_images(listing, None, tmp_path / "cache", options=PixelOptions(max_pixels=800))
    assert pixels.shape == (1, 24, 32, 3)


@pytest.mark.parametrize("limit", [0, -1, 2.5, True, "many"])
def test_a_limit_is_a_number_of_pixels(limit: object) -> None:
    with pytest.raises(UserError, match=r"data\.max_pixels="):
        LabelledFolder("photos", max_pixels=limit)  # type: ignore[arg-type]


# HEIC


def test_heic_is_decoded(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    image = Image.new("RGB", (64, 48), (200, 30, 60))
    image.paste((10, 220, 40), (0, 0, 32, 48))
    pillow_heif.from_pillow(image).save(tmp_path / "x", quality=95)
    assert looks_like_image(tmp_path / "x")
    assert read_header(tmp_path / "x")[:4] == ("HEIF", "RGB", 48, 64)
    with pytest.raises(UnreadableImage, match="3,072 pixels are more than 3,000"):
        decode(tmp_path / "x", None, PixelOptions(max_pixels=3000))
    with (
        pixel_limit(1500),
        pytest.raises(UnreadableImage, match="3,072 pixels are more than 3,000"),
    ):
        decode(tmp_path / "x", None)
    np.testing.assert_allclose(
        decode(tmp_path / "x", None)[:, 4:28].mean((0, 1)), (10, 220, 40), atol=6
    )


def test_without_the_extra_it_is_named_and_installing_it_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    for number in range(2):
        pillow_heif.from_pillow(Image.new("RGB", (64, 64), (number, 0, 0))).save(
            tmp_path / f"{number}.heic"
        )
    Image.new("RGB", (64, 64)).save(tmp_path / "2.png")
    listing = Listing(tmp_path, np.array(["0.heic", "1.heic", "2.png"]))
    missing = tmp_path / "missing"
    missing.mkdir()
    (missing / "pillow_heif.py").write_text(
        "raise ModuleNotFoundError('No module', name='pillow_heif')"
    )
    with monkeypatch.context() as without:
        without.setattr(sys, "path", [str(missing), *sys.path])
        _, kept = open_images(listing, None, tmp_path / "cache", "skip")
        assert kept.files.tolist() == ["2.png"]
        report = next((tmp_path / "cache").glob("*.txt")).read_text()
        assert f"0.heic: HEIC, which needs another package: {install_line('heif')}" in report
    assert open_images(listing, None, tmp_path / "cache", "skip")[0].shape == (3, 64, 64, 3)
