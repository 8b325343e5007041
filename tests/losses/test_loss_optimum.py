"""What a loss makes a linear model decide, where the best decision is known in closed form.

Label 0 and label 1 are normal with means -m and m and one covariance: the decision of least HTER is
m' C^-1 x >= 0, and the HTER of any linear rule is a normal distribution function. Training images
lie at low-discrepancy points of either class, so that next to no error comes from sampling.
"""

from collections.abc import Callable
from functools import cache, partial
from math import sqrt
from pathlib import Path

import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn
from torch.quasirandom import SobolEngine

from imbclf.losses import (
    AsymmetricLoss,
    AUCMarginLoss,
    ClassBalancedBCE,
    FocalLoss,
    GeneralizedCrossEntropy,
    LDAMLoss,
    PairwiseAUCLoss,
    SmoothedBCE,
    SoftHTER,
    VectorScalingLoss,
    WeightedBCE,
)

MEAN = torch.tensor([0.9, 0.3], dtype=torch.float64)
# So correlated that the best direction is far from that between the means.
COVARIANCE = torch.tensor([[1.0, 0.8], [0.8, 1.0]], dtype=torch.float64)
BEST_DIRECTION = torch.linalg.solve(COVARIANCE, MEAN)
BAYES = float(norm.cdf(-sqrt(float(MEAN @ BEST_DIRECTION))))
MINORITIES = [(0.01, 0), (0.01, 1), (0.12, 0), (0.12, 1), (0.5, 0)]

Rule = tuple[Tensor, float]


@cache
def sample(share: float, minority: int, images: int) -> tuple[Tensor, Tensor]:
    rare = round(share * images)
    counts = (rare, images - rare) if minority == 0 else (images - rare, rare)
    root = torch.linalg.cholesky(COVARIANCE)
    points = []
    for sign, count in zip((-1, 1), counts, strict=True):
        engine = SobolEngine(2, scramble=True, seed=1)  # type: ignore[no-untyped-call]
        uniform = engine.draw(count, dtype=torch.float64)
        normal = torch.special.ndtri(uniform.clamp(1e-9, 1 - 1e-9))
        # Exactly the mean and covariance of the class, however few the points.
        normal = normal - normal.mean(0)
        normal = torch.linalg.solve_triangular(
            torch.linalg.cholesky(normal.T @ normal / count), normal.T, upper=False
        ).T
        points.append(sign * MEAN + normal @ root.T)
    return torch.cat(points), torch.repeat_interleave(torch.arange(2.0), torch.tensor(counts))


def hter(rule: Rule, threshold: float) -> float:
    """HTER of deciding 1 where w'x + b >= threshold."""
    direction, bias = rule
    spread = sqrt(float(direction @ COVARIANCE @ direction))
    center = float(direction @ MEAN)
    far = norm.sf((threshold - bias + center) / spread)
    frr = norm.cdf((threshold - bias - center) / spread)
    return float(far + frr) / 2


def best_hter(rule: Rule) -> float:
    """HTER at the best threshold, which lies in the middle between the classes."""
    return hter(rule, rule[1])


def train(loss: nn.Module, points: Tensor, labels: Tensor) -> Rule:
    """Minimize by L-BFGS; by Adam where the loss has parameters of its own to play against."""
    rule = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    set_progress = getattr(loss, "set_progress", None)
    if callable(set_progress):
        set_progress(1.0)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value: Tensor = loss(points @ rule[:2] + rule[2], labels)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer: torch.optim.Optimizer
    parameters = list(loss.parameters())
    if parameters:
        optimizer = torch.optim.Adam([rule, *parameters], lr=0.02)
        for _ in range(500):
            optimizer.step(closure)
    else:
        optimizer = torch.optim.LBFGS(
            [rule], max_iter=100, line_search_fn="strong_wolfe", tolerance_grad=1e-9
        )
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    return rule.detach()[:2], float(rule.detach()[2])


def counts_of(labels: Tensor) -> tuple[int, int]:
    ones = int(labels.sum())
    return len(labels) - ones, ones


LOSSES: dict[str, Callable[[tuple[int, int]], nn.Module]] = {
    "bce": lambda _: nn.BCEWithLogitsLoss(),
    "weighted_bce": WeightedBCE,
    "weighted_bce 10:1": partial(WeightedBCE, minority_weight=10),
    "class_balanced": ClassBalancedBCE,
    "class_balanced to balanced": partial(ClassBalancedBCE, beta=1 - 1e-9),
    "focal": FocalLoss,
    "logit_adjusted": partial(VectorScalingLoss, tau=1, gamma=0),
    "vs": VectorScalingLoss,
    "cdt": partial(VectorScalingLoss, tau=0),
    "ldam": LDAMLoss,
    "asymmetric": AsymmetricLoss,
    "smoothing": SmoothedBCE,
    "smoothing both, balanced": partial(
        SmoothedBCE, smoothing_minority=0.1, smoothing_majority=0.1, minority_weight=None
    ),
    "soft_hter": lambda _: SoftHTER(),
    "soft_hter alone": lambda _: SoftHTER(mix=0),
    "gce": GeneralizedCrossEntropy,
    "gce balanced": partial(GeneralizedCrossEntropy, minority_weight=None),
    "pairwise_auc": lambda _: PairwiseAUCLoss(),
    "aucm": lambda _: AUCMarginLoss(),
}
# Those under which f > 0 is the decision of least HTER.
PROMISE_THRESHOLD_0 = [
    "weighted_bce",
    "class_balanced to balanced",
    "logit_adjusted",
    "smoothing both, balanced",
    "soft_hter",
    "soft_hter alone",
    "gce balanced",
]


@cache
def learnt(name: str, share: float, minority: int) -> Rule:
    # Pairs are many, and steps of Adam as well.
    images = {"pairwise_auc": 1000, "aucm": 4000}.get(name, 20_000)
    points, labels = sample(share, minority, images)
    return train(LOSSES[name](counts_of(labels)), points, labels)


def test_every_loss_of_two_classes_is_here() -> None:
    conf = Path(__file__).parents[2] / "conf" / "loss"
    assert {path.stem for path in conf.glob("*.yaml")} - {"torch", "svdd"} <= set(LOSSES)


def test_the_problem_is_neither_trivial_nor_solved_by_the_difference_of_means() -> None:
    assert 0.1 < BAYES < 0.3
    assert hter((BEST_DIRECTION, 0.0), 0.0) == pytest.approx(BAYES)
    assert hter((MEAN, 0.0), 0.0) > BAYES + 0.02
    points, labels = sample(0.12, 0, 20_000)
    decided = points @ BEST_DIRECTION + 0.3 >= 0
    counted = sum(float((decided[labels == y] != y).double().mean()) for y in (0, 1)) / 2
    assert counted == pytest.approx(hter((BEST_DIRECTION, 0.3), 0.0), abs=2e-3)


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize(("share", "minority"), [(0.12, 0), (0.12, 1)])
def test_at_the_best_threshold_every_loss_reaches_the_bayes_hter(
    name: str, share: float, minority: int
) -> None:
    assert best_hter(learnt(name, share, minority)) <= BAYES + 0.005


@pytest.mark.parametrize("name", PROMISE_THRESHOLD_0)
@pytest.mark.parametrize(("share", "minority"), MINORITIES)
def test_balanced_methods_reach_balanced_error_at_threshold_0(
    name: str, share: float, minority: int
) -> None:
    assert hter(learnt(name, share, minority), 0.0) <= BAYES + 0.005


@pytest.mark.parametrize("name", ["bce", "focal", "gce", "cdt", "asymmetric"])
@pytest.mark.parametrize("minority", [0, 1])
def test_other_methods_are_far_off_at_threshold_0(name: str, minority: int) -> None:
    assert hter(learnt(name, 0.01, minority), 0.0) > BAYES + 0.05
