"""DICOM files: rescaling, window, inversion, first frame."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imbclf.data.decoding import UnreadableImage, decode, looks_like_image, read_header
from imbclf.data.image_cache import decode_images, open_images
from imbclf.data.listing import Listing
from imbclf.data.pixel_options import PixelOptions

pydicom = pytest.importorskip("pydicom")


def save(path: Path, stored: NDArray[Any], bits: int = 12, **attributes: object) -> Path:
    """Write an uncompressed DICOM file: [H, W], or [frames, H, W]."""
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[path.name])
    dataset = pydicom.Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8 * stored.itemsize, bits, bits - 1
    if stored.ndim == 3:
        dataset.NumberOfFrames = len(stored)
    dataset.PixelData = stored.tobytes()
    for name, value in attributes.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def gray(path: Path, options: PixelOptions | None = None) -> NDArray[np.float64]:
    pixels = decode(path, None, options or PixelOptions())
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0].astype(float)


@pytest.fixture
def stored() -> NDArray[np.uint16]:
    return np.random.default_rng(0).integers(0, 4096, (6, 5), dtype=np.uint16)


@pytest.mark.parametrize("inverted", [False, True])
def test_the_first_window_is_applied_after_rescaling(
    tmp_path: Path, stored: NDArray[np.uint16], inverted: bool
) -> None:
    path = save(
        tmp_path / "x",
        stored,
        RescaleSlope=2,
        RescaleIntercept=-1024,
        WindowCenter=[1500, 40],
        WindowWidth=[2400, 400],
        PhotometricInterpretation="MONOCHROME1" if inverted else "MONOCHROME2",
    )
    values = stored.astype(float) * 2 - 1024
    shown = (((values - 1499.5) / 2399 + 0.5) * 255).clip(0, 255)
    assert abs(gray(path) - (255 - shown if inverted else shown)).max() <= 0.5
    # Neither a depth nor other images change what the window shows.
    assert abs(gray(path, PixelOptions(8)) - gray(path)).max() == 0
    assert looks_like_image(path)
    assert read_header(path) == ("DICOM", "I;16", 6, 5, 1)


@pytest.mark.parametrize("shape", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_window_shapes_are_those_of_pydicom(tmp_path: Path, shape: str) -> None:
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    window: dict[str, Any] = {"WindowCenter": 1800, "WindowWidth": 900, "VOILUTFunction": shape}
    path = save(tmp_path / "x", stored, **window)
    theirs = pydicom.pixels.apply_windowing(stored, pydicom.dcmread(path)) / 4095 * 255
    assert abs(gray(path) - theirs).max() <= 0.51


@pytest.mark.parametrize("inverted", [False, True])
def test_without_a_window_it_has_the_depth_of_its_set(
    tmp_path: Path, stored: NDArray[np.uint16], inverted: bool
) -> None:
    kind = "MONOCHROME1" if inverted else "MONOCHROME2"
    save(tmp_path / "x.dcm", stored // 4, PhotometricInterpretation=kind)
    found = decode_images(Listing(tmp_path, np.array(["x.dcm"])), None, tmp_path / "cache")
    assert tuple(found.options.scale or ()) == (0, 1023)
    shown = (stored // 4) * (255 / 1023)
    assert abs(found.pixels[0, ..., 0] - (255 - shown if inverted else shown)).max() <= 0.5
    path = save(tmp_path / "y.dcm", stored.astype(np.int16), 16, RescaleIntercept=-1024)
    window = PixelOptions([-1000, 400])
    shown = ((stored - 1024.0 + 1000) / 1400 * 255).clip(0, 255)
    assert abs(gray(path, window) - shown).max() <= 0.5
    save(tmp_path / "z.dcm", stored, RescaleSlope=0.37)
    found = decode_images(Listing(tmp_path, np.array(["z.dcm"])), None, tmp_path / "cache")
    assert tuple(found.options.scale or ()) == pytest.approx(
        (stored.min() * 0.37, stored.max() * 0.37)
    )


def test_8_bits_stay_and_of_many_frames_the_first_is_taken(tmp_path: Path) -> None:
    frames = np.random.default_rng(1).integers(0, 256, (3, 4, 4), dtype=np.uint8)
    path = save(tmp_path / "x", frames, 8)
    np.testing.assert_array_equal(gray(path), frames[0])
    assert read_header(path) == ("DICOM", "L", 4, 4, 3)


def test_numbers_of_a_frame_below_its_sequence(tmp_path: Path) -> None:
    frames = np.random.default_rng(1).integers(0, 4096, (2, 4, 4), dtype=np.uint16)
    window, group = pydicom.Dataset(), pydicom.Dataset()
    window.WindowCenter, window.WindowWidth = 2048, 2049
    group.FrameVOILUTSequence = [window]
    path = save(tmp_path / "x", frames, SharedFunctionalGroupsSequence=[group])
    shown = (((frames[0] - 2047.5) / 2048 + 0.5) * 255).clip(0, 255)
    assert abs(gray(path) - shown).max() <= 0.5


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("CT_small.dcm", "I;16"),
        ("MR_small_RLE.dcm", "I;16"),
        ("JPEG2000.dcm", "I;16"),
        ("liver_1frame.dcm", "L"),
        ("examples_rgb_color.dcm", "RGB"),
        ("examples_palette.dcm", "RGB"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_files_from_the_wild(name: str, mode: str) -> None:
    path = Path(pydicom.data.get_testdata_file(name, download=False))
    header = read_header(path)
    assert header.mode == mode
    pixels = decode(path, None, PixelOptions([-1000, 3000]))
    assert pixels.shape == (header.height, header.width, 3)
    assert pixels.std() > 1
    if mode == "RGB":
        dataset = pydicom.dcmread(path)
        theirs = dataset.pixel_array
        if name == "examples_palette.dcm":
            theirs = pydicom.pixels.apply_color_lut(theirs, dataset) / 257
        assert abs(theirs - pixels.astype(float)).max() <= 0.51


@pytest.mark.filterwarnings("ignore")
def test_what_holds_no_image_or_is_damaged_is_unreadable(
    tmp_path: Path, stored: NDArray[np.uint16]
) -> None:
    plan = Path(pydicom.data.get_testdata_file("rtplan.dcm", download=False))
    for read in (lambda path: decode(path, None), read_header):
        with pytest.raises(UnreadableImage, match="a DICOM file without an image"):
            read(plan)
    path = save(tmp_path / "x", stored)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableImage):
        decode(path, None)
    path = save(tmp_path / "x", stored)
    with pytest.raises(UnreadableImage, match=r"30 pixels are more than 29"):
        decode(path, None, PixelOptions(max_pixels=29))


def test_without_pydicom_the_extra_is_named(
    tmp_path: Path, stored: NDArray[np.uint16], monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path / "x.dcm", stored)
    Image.new("L", (5, 6)).save(tmp_path / "y.png")
    listing = Listing(tmp_path, np.array(["x.dcm", "y.png"]))
    monkeypatch.setitem(sys.modules, "pydicom", None)
    for read in (lambda path: decode(path, None), read_header):
        with pytest.raises(UnreadableImage, match=r'^DICOM, .*pip install .*\[dicom\]"$'):
            read(tmp_path / "x.dcm")
    monkeypatch.undo()
    assert open_images(listing, None, tmp_path / "cache")[0].shape == (2, 6, 5, 3)
