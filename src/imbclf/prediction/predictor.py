"""An ensemble of fold models, each with its own decision rule, that labels images."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from imbclf.augment.tta import Tta, check_tta, check_views
from imbclf.data.pixel_options import FULL, SIXTEEN_BITS, PixelOptions
from imbclf.errors import UserError
from imbclf.metrics.calibration import Calibration
from imbclf.models.backbone import Backbone
from imbclf.prediction.answer_table import answer_columns
from imbclf.prediction.decision_options import DecisionOptions
from imbclf.prediction.ensemble_rule import OF_LOG_ODDS, EnsembleRule
from imbclf.prediction.fold_model import (
    FoldModel,
    build_fold_model,
    load_fold_model,
    read_checkpoint,
)
from imbclf.prediction.image_inputs import Images, read_images
from imbclf.prediction.image_warnings import image_warnings
from imbclf.prediction.labeling_rule import (
    HALF,
    REFER,
    REFERRED,
    Decide,
    LabelingRule,
    check_decide,
    decision_margins,
)
from imbclf.prediction.manifest import (
    MANIFEST,
    Manifest,
    check_fold_model,
    find_predictor,
    read_image_size,
    read_label_names,
    read_pixel_options,
)
from imbclf.prediction.scoring import check_precision, resolve_precision, score_images
from imbclf.prediction.shared_network import group_by_network, joint_network
from imbclf.prediction.training_statistics import TrainingStatistics, read_training_statistics
from imbclf.utils.safe_reading import readable


@dataclass(frozen=True)
class Predictions:
    """The predictions of an ensemble of M fold models for N images.

    Attributes:
        scores: float64 `[N]`, mean over the fold models of logit - threshold; the decision is 1
            where the score is >= 0, or >= another threshold that was asked for, or where P(label 1)
            is >= .5, if that was asked for.
        probabilities: float64 `[N]`, P(label 1): the mean over the fold models of the calibrated
            log-odds, sharpened (`imbclf.metrics.sharpening`); in predictors of version 0.1 the mean
            of the probabilities.
        decisions: int64 `[N]`, 0 or 1.
        labels: str `[N]`, the decisions in the user's own spelling, or `refer`.
        logits: float64 `[N, M]`, of each fold model.
        decide, threshold: how labels were decided (see `decision_margins`).
        referred: bool `[N]`, which images a person is asked about; None: none. Their decisions are
            those that would be made if nobody was asked.
    """

    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    decisions: NDArray[np.int64]
    labels: NDArray[np.str_]
    logits: NDArray[np.float64]
    decide: Decide = "hter"
    threshold: float = 0.0
    referred: NDArray[np.bool_] | None = None

    def referring(self, band: tuple[float, float] | None) -> "Predictions":
        """Return the same with `refer` as label where `band[0]` <= score < `band[1]`."""
        if band is None:
            return self
        between = (self.scores >= band[0]) & (self.scores < band[1])
        return replace(self, labels=np.where(between, REFER, self.labels), referred=between)

    @property
    def outcomes(self) -> NDArray[np.int64]:
        """The decisions, int64 `[N]`, with -1 for an image that a person is asked about."""
        if self.referred is None:
            return self.decisions
        return np.where(self.referred, REFERRED, self.decisions)

    @property
    def margins(self) -> NDArray[np.float64]:
        """By how much each image is label 1, float64 `[N]`: it is where this is at least 0."""
        return decision_margins(self.scores, self.probabilities, self.decide, self.threshold)


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
    """

    fold_models: tuple[FoldModel, ...]
    image_size: tuple[int, int]
    label_names: tuple[str, str]
    tta: Tta = "none"
    training_statistics: TrainingStatistics | None = None
    pixel_options: PixelOptions = SIXTEEN_BITS
    ensemble: EnsembleRule = OF_LOG_ODDS

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
            options: views, calibration, prior and how to decide; None: for the least HTER.
            device: where to compute; None is the CPU.
            precision: 32-true, bf16-mixed, 16-mixed or auto.
            batch_size: images at once.
            progress: show a progress bar, in notebooks and on terminals only.

        Returns:
            A row for each image, in order, with the columns of `predictions.csv`: `file` (or the
            index, where images have no names), `label` in the user's words, the probability of
            each label (`p_<label>`, see `probability_columns`), `score` (label 1 where at least 0,
            unless another rule was asked for), and `warning`, how the image differs from those of
            the training. `attrs["rule"]` says how labels are decided.

        Raises:
            UserError: an image cannot be read, or an option is out of range.
        """
        chosen = options or DecisionOptions()
        names, pixels, headers = read_images(images, self.image_size, self.pixel_options)
        threshold = chosen.threshold_on(None)
        answer = self.decide(pixels, chosen, threshold, device, precision, batch_size, progress)
        warnings = image_warnings(headers, pixels, self.training_statistics)
        columns = {"file": names} if names and isinstance(names[0], str) else {}
        table = pd.DataFrame({**columns, **self.columns(answer, warnings)})
        table.attrs["rule"] = self.labeling_rule(chosen, threshold).sentence
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
        return self.predict_pixels(
            pixels,
            device,
            precision,
            batch_size,
            options.tta,
            options.calibration,
            options.prior,
            threshold,
            progress,
            options.decide,
        )

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
        self._check_options(precision, batch_size, viewed, threshold)
        check_decide(decide)
        slopes, intercepts = self.log_odds_lines(calibration, prior).T
        self._check_images(images)
        device = device or torch.device("cpu")
        rows, count = np.arange(len(images)), len(self.fold_models)
        logits = np.empty((len(images), count))
        number = 0
        for group in group_by_network(self.fold_models):
            resolved = resolve_precision(precision, device, group[0].backbone.network)
            last = number + len(group)
            label = f"model {last}/{count}" if progress else None
            options = (device, resolved, batch_size, viewed, label)
            found = score_images(joint_network(group), images, rows, *options)
            logits[:, number:last] = found.reshape(len(rows), len(group))
            for place, model in enumerate(group, number):
                _check_finite(logits[:, place], model.name, resolved)
            number = last
        scores = (logits - [model.rule["threshold"] for model in self.fold_models]).mean(axis=1)
        probabilities = self.ensemble.probabilities(slopes * logits + intercepts)
        margins = decision_margins(scores, probabilities, decide, threshold)
        decisions = (margins >= 0).astype(np.int64)
        labels = np.array(self.label_names)[decisions]
        return Predictions(scores, probabilities, decisions, labels, logits, decide, threshold)

    def _check_options(
        self, precision: str | int, batch_size: int, tta: Tta, threshold: float
    ) -> None:
        check_precision(precision)
        check_tta("tta", tta)
        check_views("tta", tta, *self.image_size)
        if batch_size < 1:
            raise UserError(f"batch_size={batch_size}: expected 1 or more images")
        if isnan(threshold):
            raise UserError(f"threshold={threshold}: expected a number")

    def _check_images(self, images: NDArray[np.uint8]) -> None:
        if images.ndim != 4 or images.shape[1:] != (*self.image_size, 3) or images.dtype != "uint8":
            raise UserError(
                f"images of shape {images.shape} and type {images.dtype}: this predictor takes "
                f"uint8 [N, {self.image_size[0]}, {self.image_size[1]}, 3]"
            )

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
        folder = find_predictor(Path(path)) or Path(path)
        manifest = Manifest.load(folder)
        if manifest.tta not in get_args(Tta):
            raise UserError(
                f"{folder / MANIFEST}: tta: expected {', '.join(get_args(Tta))}, found "
                f"{manifest.tta[:100]!r}. Predict with the version of imbclf that wrote it"
            )
        shared: dict[str, Backbone] = {}
        models = [load_fold_model(folder, entry, probe, shared) for entry in manifest.entries]
        return cls(
            fold_models=tuple(models),
            image_size=manifest.image_size,
            label_names=manifest.label_names,
            tta=manifest.tta,  # type: ignore[arg-type]
            training_statistics=read_training_statistics(folder),
            pixel_options=manifest.pixel_options,
            ensemble=manifest.ensemble,
        )

    @classmethod
    def from_checkpoint(cls, path: str | Path, probe: bool = True) -> "Predictor":
        """Read the checkpoint of one fold as an ensemble of one. No code from the file is run.

        Args:
            path: `best.ckpt` of a fold.
            probe: as for `load`.

        Raises:
            UserError: the file is not such a checkpoint.
        """
        path = Path(path)
        stored, weights = read_checkpoint(path)
        with readable(path, "a checkpoint of imbclf-train"):
            image_size, label_names = read_image_size(stored), read_label_names(stored)
            options = read_pixel_options(stored)
            check_fold_model(stored)
        model = build_fold_model(stored, weights, path, probe)
        return cls((model,), image_size, label_names, pixel_options=options)


def _check_finite(logits: NDArray[np.float64], name: str, precision: str | int) -> None:
    """Raise a UserError where logits are not finite."""
    if np.isfinite(logits).all():
        return
    advice = (
        "its weights are damaged: train again"
        if precision == "32-true"
        else "choose precision=32-true"
    )
    count = int((~np.isfinite(logits)).sum())
    raise UserError(
        f"{name}: {count} of {len(logits)} logits are not finite with precision={precision}; "
        f"{advice}"
    )


def join(predictors: Sequence[Predictor]) -> Predictor:
    """Join several ensembles, which must agree on images, labels and views, into one.

    The correlation of its fold models is the mean of the ensembles' own; if one of them averages
    probabilities, as in version 0.1, the whole does.

    Raises:
        UserError: they do not agree.
    """
    first = predictors[0]
    for other in predictors[1:]:
        if other.tta != first.tta:
            raise UserError(
                f"run: these runs view images differently (tta {first.tta} and {other.tta}), so "
                "that their thresholds are not for the same scores"
            )
        if (other.image_size, other.label_names) != (first.image_size, first.label_names):
            raise UserError(
                f"run: these runs cannot be joined: images of {first.image_size} with labels "
                f"{first.label_names}, and of {other.image_size} with {other.label_names}"
            )
        if other.pixel_options != first.pixel_options:
            raise UserError(
                "run: these runs cannot be joined: they decode images differently (depth "
                f"{_shown(first)}, and {_shown(other)})"
            )
    fold_models = tuple(model for predictor in predictors for model in predictor.fold_models)
    # Fold models of several runs share names, and the runs may differ in their images.
    statistics = first.training_statistics if len(predictors) == 1 else None
    rules = [predictor.ensemble for predictor in predictors]
    old = any(rule.average == "probability" for rule in rules)
    correlation = float(np.mean([rule.correlation for rule in rules]))
    rule = EnsembleRule("probability") if old else EnsembleRule("log_odds", correlation)
    return replace(first, fold_models=fold_models, training_statistics=statistics, ensemble=rule)


def _shown(predictor: Predictor) -> str:
    options = predictor.pixel_options
    return f"{list(options.scale or FULL)}, fit {options.fit}"
