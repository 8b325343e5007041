"""An ensemble of fold models, each with its own decision rule, that labels images."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from imbclf.augment.tta import Tta
from imbclf.data.pixel_options import SIXTEEN_BITS, PixelOptions
from imbclf.errors import UserError
from imbclf.metrics.calibration import Calibration
from imbclf.prediction.answer_table import answer_columns
from imbclf.prediction.decision_options import DecisionOptions, given_or_usual
from imbclf.prediction.ensemble_logits import check_images, check_scoring, ensemble_logits
from imbclf.prediction.ensemble_rule import OF_LOG_ODDS, EnsembleRule
from imbclf.prediction.fold_model import FoldModel
from imbclf.prediction.image_inputs import Images, read_images
from imbclf.prediction.image_warnings import image_warnings
from imbclf.prediction.labeling_rule import (
    HALF,
    Decide,
    LabelingRule,
    check_decide,
    decision_margins,
)
from imbclf.prediction.predictions import Predictions
from imbclf.prediction.read_predictor import read_fold_predictor, read_predictor
from imbclf.prediction.referral import Referral
from imbclf.prediction.training_statistics import TrainingStatistics


@dataclass(frozen=True)
class Predictor:
    """An ensemble of fold models.

    Attributes:
        fold_models: the fold models.
        image_size: (height, width) that images are decoded to, in pixels.
        label_names: the user's spelling of label 0 and label 1.
        tta: how images were viewed when the thresholds were chosen.
        training_statistics: what drift is measured against; None where it is not known.
        pixel_options: how images are brought to 8 bits and to their size, as in training.
        ensemble: how the fold models' log-odds become one probability.
        oof: returns the out-of-fold scores that an aim of `predict` is chosen on (`score`, `label`
            and perhaps `group`, `[N]`); None where they are not known.
    """

    fold_models: tuple[FoldModel, ...]
    image_size: tuple[int, int]
    label_names: tuple[str, str]
    tta: Tta = "none"
    training_statistics: TrainingStatistics | None = None
    pixel_options: PixelOptions = SIXTEEN_BITS
    ensemble: EnsembleRule = OF_LOG_ODDS
    oof: Callable[[], Mapping[str, NDArray[Any]]] | None = None

    def __repr__(self) -> str:
        """Return three lines: what it is, images and labels, fold models."""
        height, width = self.image_size
        zero, one = self.label_names
        return (
            "Predictor: an ensemble of fold models that labels images\n"
            f"  images: {height}x{width} pixels, labels: 0 = {zero!r}, 1 = {one!r}\n"
            f"  fold models: {self.describe_models()}"
        )

    def describe_models(self) -> str:
        """Return how many fold models there are of which architecture."""
        names = Counter(model.backbone.architecture["name"] for model in self.fold_models)
        return ", ".join(f"{number} x {name}" for name, number in names.items())

    @property
    def names(self) -> list[str]:
        """Return the names of the fold models."""
        return [model.name for model in self.fold_models]

    def log_odds_lines(self, calibration: Calibration, prior: float | None) -> NDArray[np.float64]:
        """Return slope and intercept of each fold model's log-odds, sharpened, `[M, 2]`.

        Raises:
            UserError: there is no such calibration, or the prior is out of range.
        """
        factor = self.ensemble.sharpening(len(self.fold_models))
        lines = [one.log_odds_line(calibration, prior, factor) for one in self.fold_models]
        return np.array(lines)

    def predict(
        self,
        images: Images,
        *,
        options: DecisionOptions | None = None,
        device: torch.device | None = None,
        precision: str | int = "32-true",
        batch_size: int = 512,
        progress: bool = True,
    ) -> pd.DataFrame:
        """Label images of any size and kind.

        Args:
            images: a folder, a file, a list of files, PIL images or uint8 arrays, an array
                `[N, H, W, 3]`, or a data frame with a column of paths (see `read_images`).
            options: views, calibration, prior and how to decide; None: for the least HTER. An aim
                (`min_sensitivity`, `refer`) needs the run that was loaded.
            device: where to compute; None is the CPU.
            precision: 32-true, bf16-mixed, 16-mixed or auto.
            batch_size: images at once.
            progress: show a progress bar, in notebooks and on terminals only.

        Returns:
            A row for each image, in order, with the columns of `predictions.csv`: `file` (or the
            index, where images have no names), `label` in the user's words, the probability of
            each label (`p_<label>`, see `probability_columns`), `score` (label 1 where at least 0,
            unless another rule was asked for), and `warning`, how the image differs from those of
            the training. `attrs["rule"]` says how labels are decided, `attrs["aim"]` what
            an aim comes to out of fold.

        Raises:
            UserError: an image cannot be read, or an option is out of range.
        """
        chosen = given_or_usual(options)
        names, pixels, headers = read_images(images, self.image_size, self.pixel_options)
        known = None if chosen.aim is None or self.oof is None else self.oof()
        point = chosen.operating_point(known)
        threshold = chosen.threshold_at(point)
        band = point.band if isinstance(point, Referral) else None
        answer = self.decide(pixels, chosen, threshold, device, precision, batch_size, progress)
        answer = answer.referring(band)
        warnings = image_warnings(headers, pixels, self.training_statistics)
        columns = {"file": names} if names and isinstance(names[0], str) else {}
        table = pd.DataFrame({**columns, **self.columns(answer, warnings)})
        table.attrs["rule"] = self.labeling_rule(chosen, threshold, band=band).sentence
        if point is not None:
            table.attrs["aim"] = str(point)
        return table

    def columns(self, answer: Predictions, warnings: Sequence[str] | None = None) -> dict[str, Any]:
        """Return the columns of `predictions.csv` for predictions: see `answer_columns`."""
        found = answer.labels, answer.probabilities, answer.scores
        return answer_columns(*found, self.label_names, warnings)

    @property
    def rare_label(self) -> int:
        """The label, 0 or 1, that was rarer where the thresholds were chosen; 0 on a tie."""
        return int(np.mean([model.rule["prior"] for model in self.fold_models]) < HALF)

    def labeling_rule(
        self,
        options: DecisionOptions,
        threshold: float,
        about: int | None = None,
        band: tuple[float, float] | None = None,
    ) -> LabelingRule:
        """Return how images are labeled with some options, and what probability that is.

        Args:
            options: calibration, prior and how to decide.
            threshold: of the scores.
            about: the label whose probability is named; None is the rarer one.
            band: the scores from which and up to which a person is asked; None: nobody is.

        Raises:
            UserError: an option is out of range.
        """
        slopes, intercepts = self.log_odds_lines(options.calibration, options.prior).T
        own = np.array([model.rule["threshold"] for model in self.fold_models])
        log_odds = slopes * (own + threshold) + intercepts
        at_threshold = float(self.ensemble.probabilities(log_odds[None])[0])
        exact = len(self.fold_models) == 1
        about = self.rare_label if about is None else about
        own_rule = options.decide, threshold, self.label_names, about, at_threshold, exact
        return LabelingRule(*own_rule, band)

    def decide(
        self,
        pixels: NDArray[np.uint8],
        options: DecisionOptions,
        threshold: float,
        device: torch.device | None,
        precision: str | int,
        batch_size: int,
        progress: bool = True,
    ) -> Predictions:
        """Label pixels with the views, calibration and prior of some options.

        Arguments and errors as for `predict_pixels`; the threshold stands apart, since an aim
        among the options (`max_far`) needs out-of-fold scores to become one.
        """
        own = options.tta, options.calibration, options.prior, threshold, progress, options.decide
        return self.predict_pixels(pixels, device, precision, batch_size, *own)

    def predict_pixels(
        self,
        images: NDArray[np.uint8],
        device: torch.device | None = None,
        precision: str | int = "32-true",
        batch_size: int = 512,
        tta: Tta | None = None,
        calibration: Calibration = "platt",
        prior: float | None = None,
        threshold: float = 0.0,
        progress: bool = False,
        decide: Decide = "hter",
    ) -> Predictions:
        """Label uint8 images `[N, H, W, 3]` of the ensemble's own image size.

        Args:
            images: what to label.
            device: where to compute; None is the CPU.
            precision: 32-true, bf16-mixed, 16-mixed or auto.
            batch_size: images at once.
            tta: how images are viewed; None as when the thresholds were chosen.
            calibration: `platt` or `temperature`; for the probabilities, not for the labels.
            prior: share of label 1 that the probabilities hold for; None is that of training. It
                does not change the labels, which minimize the HTER.
            threshold: 1 is decided where the score is at least this; 0 minimizes the HTER.
            progress: show a progress bar, on terminals only.
            decide: `hter` by the threshold, `probability` 1 where P(label 1) is at least .5.

        Raises:
            UserError: the images have another shape or type, an option is out of range, or the
                logits of a fold model are not finite.
        """
        viewed = self.tta if tta is None else tta
        check_scoring(self.image_size, precision, batch_size, viewed)
        if isnan(threshold):
            raise UserError(f"threshold={threshold}: expected a number")
        check_decide(decide)
        slopes, intercepts = self.log_odds_lines(calibration, prior).T
        check_images(images, self.image_size)
        scoring = device or torch.device("cpu"), precision, batch_size, viewed, progress
        logits = ensemble_logits(self.fold_models, images, *scoring)
        scores = (logits - [model.rule["threshold"] for model in self.fold_models]).mean(axis=1)
        probabilities = self.ensemble.probabilities(slopes * logits + intercepts)
        margins = decision_margins(scores, probabilities, decide, threshold)
        decisions = (margins >= 0).astype(np.int64)
        labels = np.array(self.label_names)[decisions]
        return Predictions(scores, probabilities, decisions, labels, logits, decide, threshold)

    @classmethod
    def load(cls, path: str | Path, probe: bool = True) -> "Predictor":
        """Read the ensemble that a training run wrote. No code from the files is run.

        Args:
            path: a run directory of imbclf-train, or its folder `predictor`.
            probe: False leaves out the probes (`model.probe=true`), for speed or to see what they
                contribute. Thresholds and calibrations remain those chosen with them.

        Raises:
            UserError: a file is missing or damaged.
        """
        return read_predictor(cls, Path(path), probe)

    @classmethod
    def from_checkpoint(cls, path: str | Path, probe: bool = True) -> "Predictor":
        """Read the checkpoint of one fold as an ensemble of one. No code from the file is run.

        Args:
            path: `best.ckpt` of a fold.
            probe: as for `load`.

        Raises:
            UserError: the file is not such a checkpoint.
        """
        return read_fold_predictor(cls, Path(path), probe)
