"""Sums of Gaussian kernels: against scikit-learn's, and where no linear function would do."""

from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel
from torch import Tensor

from helpers.probes import AsTheyAre
from imbclf.errors import UserError
from imbclf.models.gaussian_kernels import GAMMA, KernelSum, landmark_rows, nystrom_features
from imbclf.models.heads import LogisticHead, rebuild_head
from imbclf.models.probes.base import KERNEL_VARIANCE

STAGES = np.repeat([0, 1, 2], [2, 3, 5])


def ring(images: int, seed: int, seen: slice) -> tuple[Tensor, NDArray[np.int64]]:
    """Return features [N, 10] and labels: 0, the rarer, where those of two are far from 0."""
    features = np.random.default_rng(seed).normal(size=(images, 10))
    labels = (np.sum(features[:, seen] ** 2, axis=1) < 2.8).astype(np.int64)
    return torch.tensor(5 + 3 * features).float(), labels


def test_a_sum_is_that_of_scikit_learns_kernels() -> None:
    generator = np.random.default_rng(0)
    x, z = generator.normal(size=(30, 6)), generator.normal(size=(4, 6))
    coefficients = generator.normal(size=(2, 4))
    module = KernelSum(width=6, landmarks=7, sums=2)  # of which three stay unused
    scales = torch.tensor([[0.5] * 6, [0.3] * 2 + [0.0] * 4])
    module.put(torch.tensor(z).float(), scales, torch.tensor(coefficients).float())
    expected = rbf_kernel(x, z, gamma=0.25) @ coefficients[0]
    expected += rbf_kernel(x[:, :2], z[:, :2], gamma=0.09) @ coefficients[1]
    found = module(torch.tensor(x).float()).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        np.testing.assert_array_equal(module(torch.tensor(x).float()), found)


def test_products_of_nystrom_features_are_the_kernel_of_landmarks() -> None:
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    phi, basis = nystrom_features(x, x[:20])
    exact = rbf_kernel(x, x, gamma=1.0)
    products = (phi @ phi.T).numpy()
    np.testing.assert_allclose(products[:20], exact[:20], atol=1e-3)
    assert (np.diag(products) < 1.001).all()
    assert basis.shape == (20, phi.shape[1])


def test_a_probe_is_exact_kernel_regression_where_all_images_are_landmarks() -> None:
    features, labels = ring(300, seed=0, seen=slice(2))
    unseen = ring(200, seed=1, seen=slice(2))[0]
    probe = AsTheyAre(10, kernels=True)
    probe.fit(features, labels)
    mean, deviation = features.mean(0), features.std(0)
    x, z = ((one - mean).div(deviation).double().numpy() for one in (unseen, features))
    kernel = rbf_kernel(z, gamma=GAMMA / 10) + 1e-9 * np.eye(300)
    root = np.linalg.cholesky(kernel)
    zero, one = np.bincount(labels)
    strength = KERNEL_VARIANCE * 4 * zero * one / 300**2
    exact = LogisticRegression(C=strength, class_weight="balanced", tol=1e-8, max_iter=10_000)
    exact.fit(root, labels)
    phi = np.linalg.solve(root, rbf_kernel(z, x, gamma=GAMMA / 10)).T
    expected = exact.decision_function(phi)
    found = probe(unseen).numpy()
    assert np.abs(found - expected).max() < 0.03 * expected.std()


@pytest.mark.parametrize("seen", [slice(2), slice(8, 10)])  # of the first stage, of the last
def test_a_head_with_landmarks_learns_what_is_not_linear(seen: slice) -> None:
    features, labels = ring(900, seed=0, seen=seen)
    unseen, truth = ring(3000, seed=1, seen=seen)
    parts = np.array_split(np.arange(900), 3)
    scores = []
    for head in (LogisticHead(10), LogisticHead(10, landmarks=200)):
        head.fit(features, labels, parts, STAGES)
        again = rebuild_head(head.entry, width=10)
        again.load_state_dict(head.state_dict())
        torch.testing.assert_close(again(unseen), head(unseen), rtol=0, atol=0)
        scores.append(roc_auc_score(truth, head(unseen).numpy()))
    assert scores[0] < 0.6
    assert scores[1] > 0.9


def test_a_feature_that_was_constant_does_not_make_new_images_all_alike() -> None:
    features, labels = ring(900, seed=0, seen=slice(2))
    unseen, truth = ring(3000, seed=1, seen=slice(2))
    features[:, 9], unseen[:, 9] = 0, torch.linspace(0, 5, 3000)
    probe = AsTheyAre(10, kernels=True)
    probe.fit(features, labels)
    head = LogisticHead(10, landmarks=200)
    head.fit(features, labels, np.array_split(np.arange(900), 3))
    for network in (probe, head):
        assert roc_auc_score(truth, network(unseen).numpy()) > 0.9


def test_few_images_and_no_parts_are_no_obstacle() -> None:
    noise, labels = ring(60, seed=0, seen=slice(2))
    features = noise + 6 * torch.from_numpy(labels)[:, None]
    for parts in ([], np.array_split(np.arange(60), 3)):
        for stages in (None, STAGES, np.minimum(STAGES, 1)):
            head = LogisticHead(10, landmarks=200)  # more than images
            head.fit(features, labels, parts, stages)
            assert roc_auc_score(labels, head(features).numpy()) > 0.9


@pytest.mark.parametrize("count", range(12))
def test_landmarks_are_of_both_labels_and_spread_evenly(count: int) -> None:
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 1, 1])
    rows = landmark_rows(labels, count)
    assert len(rows) == len(np.unique(rows)) == min(count, 9)
    assert np.sum(labels[rows] == 0) == min(3, count // 2)
    if count == 4:
        assert rows.tolist() == [0, 2, 3, 8]


def test_a_number_of_landmarks_out_of_range_is_refused() -> None:
    for count in (-1, 10_001):
        with pytest.raises(UserError, match=f"head.landmarks={count}: expected 0 to 10000"):
            partial(LogisticHead, landmarks=count)(width=3)
