"""Prediction as a service: image files in a request are labeled and checked for data drift."""

import base64
import binascii
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from imbclf.data.decoding import Header, UnreadableImage, decode, read_header
from imbclf.data.pixel_options import SIXTEEN_BITS, PixelOptions
from imbclf.errors import UserError
from imbclf.prediction.drift import MIN_IMAGES, kind_of, measure_drift
from imbclf.prediction.labeling_rule import Decide, check_band, check_decide, threshold_within
from imbclf.prediction.outliers import outlier_reasons
from imbclf.prediction.predictions import Predictions
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.training_statistics import measure_colors

WINDOW = 500  # latest images, which are compared with those of training together
MAX_PIXELS = 50_000_000  # of one image; a decompression bomb has more

log = logging.getLogger("imbclf")


def file_from_text(text: object) -> BytesIO:
    """Decode a base64 text.

    Raises:
        UserError: it is not base64.

    >>> file_from_text("YWJj").getvalue()
    b'abc'
    """
    if not isinstance(text, str):
        raise UserError(f"expected the bytes of an image in base64, found {type(text).__name__}")
    try:
        return BytesIO(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError) as error:
        raise UserError(f"expected the bytes of an image in base64 ({error})") from error


def decode_file(
    file: BytesIO, size: tuple[int, int], options: PixelOptions = SIXTEEN_BITS
) -> tuple[Header, NDArray[np.uint8]]:
    """Decode an image of any size to a (height, width), as files are decoded for training.

    Args:
        file: the content of a file.
        size: (height, width) in pixels.
        options: depth and resizing mode of the training.

    Raises:
        UserError: it is not a readable image, or has more than `MAX_PIXELS`.
    """
    try:
        header = read_header(file)
        if header.height * header.width > MAX_PIXELS:
            raise UserError(
                f"{header.height}x{header.width} pixels; an image may have {MAX_PIXELS:,}"
            )
        return header, decode(file, size, options)
    except UnreadableImage as error:
        raise UserError(f"not a readable image: {error}") from error


@dataclass
class ImageService:
    """A predictor that answers requests and watches the latest images for data drift.

    Requests are computed one at a time: each uses all cores.

    Attributes:
        predictor: what labels the images.
        reported: topics of the drift warnings of the last request; each is logged once.
        headers, colors, logits: of the latest images.
    """

    predictor: Predictor
    reported: frozenset[str] = frozenset()
    lock: Lock = field(default_factory=Lock)
    headers: deque[Header] = field(default_factory=lambda: deque(maxlen=WINDOW))
    colors: deque[NDArray[np.float64]] = field(default_factory=lambda: deque(maxlen=WINDOW))
    logits: deque[NDArray[np.float64]] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def answer(
        self,
        texts: Sequence[object],
        decide: Decide = "hter",
        band: tuple[float, float] | None = None,
    ) -> tuple[Predictions, list[str]]:
        """Label image files that are given in base64.

        Args:
            texts: the files.
            decide: `hter`, or `probability` for the more probable label.
            band: the scores from which and up to which the label is `refer`, as `imbclf-predict`
                reports them for `refer=` and `max_error=`; None: no image is referred to a person.

        Returns:
            The predictions for N images; and `[N]` drift warnings, empty where there are none:
            those of the image itself, then those of the latest images together.

        Raises:
            UserError: there are no images, or one cannot be read; the message says which; or
                there is no such rule or band.
        """
        if not len(texts):
            raise UserError("no images: expected one or more rows of the column image")
        check_decide(decide)
        threshold = 0.0
        if band is not None:
            check_band(band, decide, self.predictor.label_names)
            threshold = threshold_within(band)
        headers, pixels = [], []
        for row, text in enumerate(texts):
            try:
                header, image = decode_file(
                    file_from_text(text), self.predictor.image_size, self.predictor.pixel_options
                )
            except UserError as error:
                raise UserError(f"image {row}: {error}") from error
            headers.append(header)
            pixels.append(image)
        images = np.stack(pixels)
        with self.lock:
            answer = self.predictor.predict_pixels(images, threshold=threshold, decide=decide)
            answer = answer.referring(band)
            return answer, self._drift_warnings(headers, measure_colors(images), answer.logits)

    def _drift_warnings(
        self, headers: list[Header], colors: NDArray[np.float64], logits: NDArray[np.float64]
    ) -> list[str]:
        training = self.predictor.training_statistics
        if training is None:
            return [""] * len(headers)
        self.headers.extend(headers)
        self.colors.extend(colors)
        self.logits.extend(logits)
        latest: dict[str, str] = {}
        if len(self.headers) >= MIN_IMAGES:
            predictor = self.predictor
            rules = [model.rule for model in predictor.fold_models]
            drift = measure_drift(
                [*self.headers],
                np.stack(self.colors),
                np.stack(self.logits),
                predictor.names,
                training,
                rules,
                predictor.label_names,
            )
            latest = dict(drift.warnings)
        for topic in sorted(latest.keys() - self.reported):
            log.warning("%s: %s", kind_of(topic), latest[topic])
        self.reported = frozenset(latest)
        common = [f"last {len(self.headers)} images: {words}" for words in latest.values()]
        pairs = zip(headers, colors, strict=True)
        return ["; ".join([*outlier_reasons(*pair, training), *common]) for pair in pairs]
