"""A whole ensemble as one network: raw images in, the answer out."""

import torch
from torch import Tensor, nn

from imbclf.augment.tta import Tta, check_tta, check_views, views
from imbclf.errors import UserError
from imbclf.metrics.calibration import Calibration
from imbclf.prediction.predictor import Predictor

OUTPUTS = ("probability", "score", "label", "logits")


class EnsembleGraph(nn.Module):
    """What `Predictor.predict` computes, with nothing left to do before it or after it.

    score = mean over members of logit - threshold, label = 1 where it is >= `threshold`,
    probability = mean over members of sigmoid(slope logit + intercept)

    Networks compute in float32 and what follows in float64, as in `predict`. The views of an image
    go through a network side by side, so that the graph is no larger with them than without.

    Args:
        predictor: whose networks, with their probes, are taken, put in evaluation mode on the CPU.
        tta: how images are viewed; None as when the thresholds were chosen.
        calibration: `platt` or `temperature`, of the probabilities.
        prior: share of label 1 that the probabilities shall hold for; None leaves that of training.
        threshold: 1 is decided where the score is at least this.

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
    ) -> None:
        super().__init__()
        self.tta: Tta = predictor.tta if tta is None else tta
        check_tta("tta", self.tta)
        check_views("tta", self.tta, *predictor.image_size)
        members = predictor.fold_models
        lines = [member.log_odds_line(calibration, prior) for member in members]
        self.networks = nn.ModuleList(member.network for member in members)
        self.names = sorted({member.backbone.architecture["name"] for member in members})
        self.threshold = threshold
        thresholds = [member.rule["threshold"] for member in members]
        self.register_buffer("thresholds", torch.tensor(thresholds, dtype=torch.float64))
        slopes, intercepts = torch.tensor(lines, dtype=torch.float64).unbind(dim=1)
        self.register_buffer("slopes", slopes)
        self.register_buffer("intercepts", intercepts)
        self.cpu().eval()

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Answer for images.

        Args:
            images: uint8 [N, H, W, 3].

        Returns:
            probability of label 1 and score, float64 [N]; label, int64 [N], 0 or 1; and the
            members' own logits, float64 [N, M].
        """
        ways = [*views(images, self.tta)]
        viewed = torch.cat(ways)
        own = [
            network(viewed).unflatten(0, (len(ways), -1)).mean(dim=0) for network in self.networks
        ]
        logits = torch.stack(own, dim=1).double()
        score = (logits - self.thresholds).mean(dim=1)
        probability = torch.sigmoid(self.slopes * logits + self.intercepts).mean(dim=1)
        return probability, score, (score >= self.threshold).long(), logits


def trace(graph: EnsembleGraph, image_size: tuple[int, int]) -> torch.export.ExportedProgram:
    """Record what a graph computes for any number of images of a (height, width).

    Raises:
        UserError: a part of it cannot be recorded.
    """
    images = torch.zeros(2, *image_size, 3, dtype=torch.uint8)
    # Attention in one fused kernel, which training never uses, has no counterpart elsewhere.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad():
            count = torch.export.Dim("images")
            return torch.export.export(graph, (images,), dynamic_shapes=({0: count},))
    except (RuntimeError, torch._dynamo.exc.UserError) as error:
        raise UserError(f"ckpt: {', '.join(graph.names)} cannot be exported ({error})") from error
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
