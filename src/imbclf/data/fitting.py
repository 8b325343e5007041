"""Images brought to one size: squashed, padded or cropped."""

from PIL import Image

from imbclf.data.pixel_options import Fit


def fit_image(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    """Resize an RGB image, bilinear with antialiasing.

    Args:
        image: of any size.
        size: (height, width) in pixels.
        fit: `squash` changes its shape, `pad` adds black on two sides, `crop` cuts two sides off.

    >>> fit_image(Image.new("RGB", (80, 20), "white"), (40, 40), "pad").getbbox()
    (0, 15, 40, 25)
    """
    height, width = size
    if image.size == (width, height):
        return image
    if fit == "squash":
        return _resize(image, size)
    across, down = width / image.width, height / image.height
    if fit == "crop":
        shown_width, shown_height = width / max(across, down), height / max(across, down)
        left, top = (image.width - shown_width) / 2, (image.height - shown_height) / 2
        right, bottom = left + shown_width, top + shown_height
        return _resize(image, size, (max(left, 0), max(top, 0), right, bottom))
    inner_width = min(width, max(1, round(image.width * min(across, down))))
    inner_height = min(height, max(1, round(image.height * min(across, down))))
    padded = Image.new("RGB", (width, height))
    corner = ((width - inner_width) // 2, (height - inner_height) // 2)
    padded.paste(_resize(image, (inner_height, inner_width)), corner)
    return padded


def _resize(
    image: Image.Image,
    size: tuple[int, int],
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    if box is not None:
        # Rounding must not move the box beyond the image.
        box = (box[0], box[1], min(box[2], image.width), min(box[3], image.height))
    shape = (size[1], size[0])
    return image.resize(shape, Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
