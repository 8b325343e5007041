"""The code of export.json prepares images as imbclf decodes them, bit for bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from imbclf.data.decoding import decode
from imbclf.data.pixel_options import Fit, PixelOptions
from imbclf.prediction.export.preparation import preparation


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of many shapes and kinds; one of them lies on its side."""
    folder = tmp_path_factory.mktemp("photos")
    photo = Image.fromarray(load_sample_images().images[0])
    photo.save(folder / "large.jpg")
    photo.crop((0, 0, 500, 33)).save(folder / "flat.png")
    photo.crop((0, 0, 7, 300)).save(folder / "narrow.png")
    photo.resize((48, 64)).save(folder / "same.png")
    photo.resize((20, 11)).save(folder / "small.png")
    photo.convert("L").save(folder / "gray.jpg")
    photo.convert("P").save(folder / "palette.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(folder / "turned.jpg", exif=exif)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
@pytest.mark.parametrize("size", [(64, 48), (33, 91)])
def test_the_code_returns_the_pixels_that_imbclf_decodes(
    photos: list[Path], fit: Fit, size: tuple[int, int]
) -> None:
    options = PixelOptions(fit=fit)
    code: dict[str, Any] = {}
    exec(preparation(size, options)["python"], code)
    for path in photos:
        prepared = code["prepare"](path)
        assert (prepared.dtype, prepared.shape) == (np.uint8, (1, *size, 3))
        np.testing.assert_array_equal(prepared[0], decode(path, size, options), err_msg=path.name)


def test_the_code_in_the_documentation_is_that_of_export_json() -> None:
    page = (Path(__file__).parents[2] / "docs" / "predictions.md").read_text()
    assert f"```python\n{preparation((64, 64), PixelOptions())['python']}```" in page
