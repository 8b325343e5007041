"""A sum of regressions on the first stages: its shares, and what it gains on unseen images."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import nn

from imbclf.models.logistic_regression import balanced_weights, choose_strength, fit_logistic
from imbclf.models.stacking import stack_logits
from imbclf.models.stage_features import stage_features, stages_of_features
from imbclf.models.stage_regressions import fit_stages

STAGES = np.repeat([0, 1, 2, 0, 1], [10, 40, 400, 10, 40])  # means of three, maxima of two


def images(
    count: int, informative: int, seed: int
) -> tuple[torch.Tensor, NDArray[np.int64], list[NDArray[np.int64]]]:
    """Return features of which those of one stage speak of the label, and three parts."""
    generator = np.random.default_rng(seed)
    labels = (generator.random(count) < 0.8).astype(np.int64)
    signal = 0.6 / np.sqrt(np.sum(informative == STAGES) / 20) * (informative == STAGES)
    features = generator.normal(size=(count, len(STAGES))) + signal * labels[:, None]
    return torch.tensor(features).float(), labels, np.array_split(np.arange(count), 3)


@pytest.mark.parametrize("informative", [0, 2])
def test_the_stage_that_speaks_of_the_label_is_not_drowned_by_the_others(informative: int) -> None:
    features, labels, parts = images(600, informative, seed=0)
    others, truth, _ = images(4000, informative, seed=1)
    found = fit_stages(features, labels, parts, STAGES)
    alone = torch.from_numpy(np.flatnonzero(informative == STAGES))
    strength, _ = choose_strength(features, labels, parts)
    balanced = torch.from_numpy(balanced_weights(labels)).float()[:, None]
    target, strengths = torch.from_numpy(labels), torch.tensor([strength])
    on_all = fit_logistic(features, target, balanced, strengths)
    oracle = fit_logistic(features[:, alone], target, balanced, strengths)
    ours, all_at_once, best = (
        float(roc_auc_score(truth, part @ weights.flatten()))
        for part, weights in (
            (others, found.weights),
            (others, on_all.weights),
            (others[:, alone], oracle.weights),
        )
    )
    assert ours > all_at_once - 0.005
    if informative == 0:  # 20 of 500 features
        assert ours > all_at_once + 0.3 * (best - all_at_once) > all_at_once + 0.01


def test_shares_are_those_of_scikit_learn_where_none_would_be_negative() -> None:
    generator, labels = np.random.default_rng(0), np.array([0, 1, 1, 1] * 50)
    logits = generator.normal(0, 1.5, (200, 2)) + np.outer(2 * labels - 1, [1.0, 0.5])
    shares, bias = stack_logits(logits, labels)
    effective = 4 * 50 * 150 / 200**2
    exact = LogisticRegression(C=effective, class_weight="balanced", tol=1e-8).fit(logits, labels)
    np.testing.assert_allclose(shares, exact.coef_[0], atol=1e-3)
    assert bias == pytest.approx(exact.intercept_[0], abs=1e-3)
    shares, _ = stack_logits(logits * [1, -1], labels)  # the second says the contrary
    assert shares[0] > 0
    assert shares[1] == 0


def test_separable_images_have_finite_shares() -> None:
    labels = np.array([0, 1] * 20)
    shares, _ = stack_logits(np.outer(2.0 * labels - 1, [1, 2]) * 10, labels)
    assert np.all(shares < 1)


def test_without_images_to_hold_out_all_features_are_taken_at_once() -> None:
    features, labels, _ = images(200, 0, seed=0)
    found = fit_stages(features, labels, [], STAGES)
    same = fit_stages(features, labels, [], np.zeros_like(STAGES))
    torch.testing.assert_close(found.weights, same.weights)
    assert bool((found.weights != 0).all())


def test_stages_are_numbered_in_the_order_of_their_features() -> None:
    torch.manual_seed(0)
    last = nn.Linear(5, 6)
    network = nn.Sequential(
        *(nn.Sequential(nn.Conv2d(width, width + 1, 3, padding=1), nn.ReLU()) for width in (3, 4)),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), last),
    ).eval()
    pixels = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        before = stage_features(network, pixels)
        last.weight.mul_(2)
        last.bias.add_(1)
        own_changed = (stage_features(network, pixels) != before).any(dim=0)
    numbers = stages_of_features(network, side=8)
    assert len(numbers) == before.shape[1]
    assert own_changed.numpy().tolist() == (numbers == numbers.max()).tolist()
