"""Image files in a request, labeled and held against those of the training."""

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
from imbclf.errors import UserError
from imbclf.prediction.drift import FEWEST, measure_drift, outlier_reasons
from imbclf.prediction.predictor import Predictions, Predictor
from imbclf.prediction.training_statistics import measure_colors

WINDOW = 500  # images that are held against the training's together
MOST_PIXELS = 50_000_000  # of one image: a photograph, and no bomb

log = logging.getLogger("imbclf")


def file_from_text(text: object) -> BytesIO:
    """Return the bytes that a base64 text stands for.

    Raises:
        UserError: it is no such text.

    >>> file_from_text("YWJj").getvalue()
    b'abc'
    """
    if not isinstance(text, str):
        raise UserError(f"expected the bytes of an image in base64, found {type(text).__name__}")
    try:
        return BytesIO(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError) as error:
        raise UserError(f"expected the bytes of an image in base64 ({error})") from error


def decode_file(file: BytesIO, size: tuple[int, int]) -> tuple[Header, NDArray[np.uint8]]:
    """Decode an image of any size to a (height, width), as files are decoded for training.

    Raises:
        UserError: it is no image, or larger than any that is served.
    """
    try:
        header = read_header(file)
        if header.height * header.width > MOST_PIXELS:
            raise UserError(
                f"{header.height}x{header.width} pixels; an image may have {MOST_PIXELS:,}"
            )
        file.seek(0)
        return header, decode(file, size)
    except UnreadableImage as error:
        raise UserError(f"not a readable image: {error}") from error


@dataclass
class ImageService:
    """A predictor that answers requests, and remembers what the last images looked like.

    One request computes at a time: the networks use all cores for it.

    Args:
        predictor: what labels the images.
    """

    predictor: Predictor
    told: frozenset[str] = frozenset()
    lock: Lock = field(default_factory=Lock)
    headers: deque[Header] = field(default_factory=lambda: deque(maxlen=WINDOW))
    colors: deque[NDArray[np.float64]] = field(default_factory=lambda: deque(maxlen=WINDOW))
    logits: deque[NDArray[np.float64]] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def answer(self, texts: Sequence[object]) -> tuple[Predictions, list[str]]:
        """Label image files that are given in base64.

        Returns:
            The answer for N images; and what is unfamiliar, `[N]`, empty where nothing is: of the
            image itself, then of the last images together.

        Raises:
            UserError: there are none, or one cannot be read; the message says which.
        """
        if not len(texts):
            raise UserError("no images: expected one or more rows of the column image")
        headers, pixels = [], []
        for row, text in enumerate(texts):
            try:
                header, image = decode_file(file_from_text(text), self.predictor.image_size)
            except UserError as error:
                raise UserError(f"image {row}: {error}") from error
            headers.append(header)
            pixels.append(image)
        images = np.stack(pixels)
        with self.lock:
            answer = self.predictor.predict(images)
            return answer, self._watch(headers, measure_colors(images), answer.logits)

    def _watch(
        self, headers: list[Header], colors: NDArray[np.float64], logits: NDArray[np.float64]
    ) -> list[str]:
        known = self.predictor.reference
        if known is None:
            return [""] * len(headers)
        self.headers.extend(headers)
        self.colors.extend(colors)
        self.logits.extend(logits)
        last: dict[str, str] = {}
        if len(self.headers) >= FEWEST:
            seen = np.stack(self.colors), np.stack(self.logits)
            look = measure_drift([*self.headers], *seen, self.predictor.names, known)
            last = dict(look.warnings)
        for topic in sorted(last.keys() - self.told):
            log.warning("unlike what the models were trained on: %s", last[topic])
        self.told = frozenset(last)
        together = [f"last {len(self.headers)} images: {words}" for words in last.values()]
        pairs = zip(headers, colors, strict=True)
        return ["; ".join([*outlier_reasons(*pair, known), *together]) for pair in pairs]
