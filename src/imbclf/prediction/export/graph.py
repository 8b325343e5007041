"""A whole ensemble as one network, from raw images to decisions."""

import torch
from torch import Tensor, nn

from imbclf.augment.tta import Tta, check_tta, check_views, views
from imbclf.errors import UserError
from imbclf.metrics.calibration import Calibration
from imbclf.prediction.labeling_rule import HALF, REFERRED, Decide
from imbclf.prediction.predictor import Predictor
from imbclf.prediction.shared_network import all_logits, ensemble_networks

OUTPUTS = ("probability", "score", "label", "logits")


class EnsembleGraph(nn.Module):
    """The computation of `Predictor.predict` as one module, without pre- or post-processing.

    score = mean over fold models of logit - threshold, label = 1 where it is >= `threshold`,
    probability = sigmoid(mean over fold models of slope logit + intercept), or the mean of the
    sigmoids for a predictor of version 0.1

    Networks compute in float32, the rest in float64, as in `predict`. The views of an image are
    stacked into one batch, so that they do not make the graph larger.

    Args:
        predictor: its networks, with their probes, are put in evaluation mode on the CPU.
        tta: test-time augmentation; None is that of the thresholds.
        calibration: `platt` or `temperature`, of the probabilities.
        prior: share of label 1 in the population; None is that of training.
        threshold: label 1 is decided if the score is at least this.
        decide: `hter`, or `probability` to decide by the more probable label.
        band: the scores from which and up to which the label is -1: a person is asked.

    Raises:
        UserError: an option is out of range.
    """

    thresholds: Tensor
    slopes: Tensor
    intercepts: Tensor

    def __init__(
        self,
        predictor: Predictor,
        tta: Tta | None = None,
        calibration: Calibration = "platt",
        prior: float | None = None,
        threshold: float = 0.0,
        decide: Decide = "hter",
        band: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        self.tta: Tta = predictor.tta if tta is None else tta
        check_tta("tta", self.tta)
        check_views("tta", self.tta, *predictor.image_size)
        models = predictor.fold_models
        lines = torch.from_numpy(predictor.log_odds_lines(calibration, prior))
        self.average = predictor.ensemble.average
        self.networks = ensemble_networks(models)
        self.names = sorted({model.backbone.architecture["name"] for model in models})
        self.threshold = threshold
        self.decide = decide
        self.band = band
        thresholds = [model.rule["threshold"] for model in models]
        self.register_buffer("thresholds", torch.tensor(thresholds, dtype=torch.float64))
        self.register_buffer("slopes", lines[:, 0].contiguous())
        self.register_buffer("intercepts", lines[:, 1].contiguous())
        self.cpu().eval()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Decide on images.

        Args:
            images: uint8 [N, H, W, 3].

        Returns:
            probability of label 1 and score, float64 [N]; label, int64 [N], 0 or 1, or -1 where
            a person is asked; and the logits of the fold models, float64 [N, M].
        """
        viewed = [*views(images, self.tta)]
        batch = torch.cat(viewed)
        logits = all_logits(self.networks, batch, len(viewed)).double()
        score = (logits - self.thresholds).mean(dim=1)
        log_odds = self.slopes * logits + self.intercepts
        if self.average == "probability":
            probability = torch.sigmoid(log_odds).mean(dim=1)
        else:
            probability = torch.sigmoid(log_odds.mean(dim=1))
        is_one = probability >= HALF if self.decide == "probability" else score >= self.threshold
        label = is_one.long()
        if self.band is not None:
            between = (score >= self.band[0]) & (score < self.band[1])
            label = torch.where(between, torch.full_like(label, REFERRED), label)
        return probability, score, label, logits


def trace(graph: EnsembleGraph, image_size: tuple[int, int]) -> torch.export.ExportedProgram:
    """Export a graph for any number of images of a (height, width).

    Raises:
        UserError: a part of it cannot be exported.
    """
    images = torch.zeros(2, *image_size, 3, dtype=torch.uint8)
    # The fused attention kernel, which training never uses, cannot be exported.
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            count = torch.export.Dim("images")
            return torch.export.export(graph, (images,), dynamic_shapes=({0: count},))
    except (RuntimeError, torch._dynamo.exc.UserError) as error:
        raise UserError(f"run: {', '.join(graph.names)} cannot be exported ({error})") from error
    finally:
        torch.backends.mha.set_fastpath_enabled(enabled)
