"""The probe that looks at patches, beside a network that starts from random weights."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from imbclf.metrics.error_rates import binary_report
from imbclf.models.architecture import ProbeOption
from imbclf.models.build import build_backbone, rebuild_backbone
from imbclf.models.patch_init import patch_filters
from imbclf.models.probes.build import build_probe, with_probe
from imbclf.models.probes.patch_features import (
    CONTRAST,
    FILTERS,
    GRID,
    PATCH,
    STRIDE,
    THRESHOLD,
    PatchProbe,
    filter_responses,
    standard_patches,
)
from imbclf.prediction.decision_rule import DecisionRule
from imbclf.prediction.fold_model import FoldModel, load_weights
from imbclf.prediction.scoring import score_images
from imbclf.training.initialization import prepare_probe

CPU = torch.device("cpu")
RULE = DecisionRule(threshold=0.0, slope=1.0, intercept=0.0, temperature=1.0, prior=0.5)


def learned(pixels: torch.Tensor, seed: int = 0) -> PatchProbe:
    probe = PatchProbe()
    probe.learn_features(nn.Identity(), pixels, seed)
    return probe


def test_responses_are_those_of_a_loop_over_patches() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(2, 3, 20, 17, generator=generator)
    filters = torch.randn(5, 3 * PATCH**2, generator=generator)
    offsets = torch.randn(5, generator=generator)
    responses = filter_responses(pixels, filters, offsets)
    patches = standard_patches(pixels).view(2, 4, 3, -1)
    assert responses.shape == (2, 5, 4, 3)
    for image, row, column in itertools.product(range(2), range(4), range(3)):
        top, left = row * STRIDE, column * STRIDE
        cut = pixels[image, :, top : top + PATCH, left : left + PATCH].double().numpy().ravel()
        patch = (cut - cut.mean()) / np.sqrt(cut.var() + CONTRAST)
        np.testing.assert_allclose(patches[image, row, column], patch, atol=1e-5)
        expected = filters.double().numpy() @ patch + offsets.double().numpy()
        np.testing.assert_allclose(responses[image, :, row, column], expected, atol=1e-4)


def test_an_even_image_gives_no_response() -> None:
    even = torch.full((1, 3, 16, 16), 0.7)
    assert not standard_patches(even).any()
    filters = torch.randn(2, 3 * PATCH**2, generator=torch.Generator().manual_seed(0))
    assert float(filter_responses(even, filters, torch.zeros(2)).abs().max()) < 1e-2


def test_filters_are_directions_of_whitened_patches() -> None:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(12, 12, generator=generator)
    patches = torch.randn(4000, 12, generator=generator) @ mixing + 3
    filters, offsets = patch_filters(patches, 5, generator)
    covariance = np.cov(patches.double().numpy(), rowvar=False) + 0.1 * np.eye(12)
    # d = f W^-1 is of length 1, so f (C + 0.1) f' is 1; and the mean patch has no response.
    lengths = np.einsum("ki, ij, kj -> k", filters.double(), covariance, filters.double())
    np.testing.assert_allclose(lengths, 1, rtol=1e-3)
    torch.testing.assert_close(filters @ patches.mean(0), -offsets, rtol=1e-4, atol=1e-4)
    responses = patches @ filters.T + offsets
    assert len(set(responses.argmax(dim=0).tolist())) == 5


def test_features_are_pooled_parts_of_responses() -> None:
    pixels = torch.randn(3, 3, 36, 36, generator=torch.Generator().manual_seed(1))
    probe = learned(pixels)
    responses = filter_responses(pixels, probe.filters, probe.offsets)  # 8 x 8, 2 x 2 a part
    features = probe.describe(pixels).view(3, 2, FILTERS, GRID, GRID)
    image, part_y, part_x, chosen = 2, 1, 3, 17
    assert responses.shape[2:] == (8, 8)
    found = [
        float(responses[image, chosen, row, column])
        for row, column in itertools.product((2, 3), (6, 7))
    ]
    for sign, number in ((1, 0), (-1, 1)):
        expected = np.sqrt(np.mean([max(0.0, sign * r - THRESHOLD) for r in found]))
        assert float(features[image, number, chosen, part_y, part_x]) == pytest.approx(
            float(expected), abs=1e-5
        )


def test_the_filters_are_the_same_for_a_seed_alone() -> None:
    pixels = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    first, again, other = learned(pixels), learned(pixels), learned(pixels, seed=1)
    assert torch.equal(first.filters, again.filters)
    assert not torch.equal(first.filters, other.filters)


@pytest.mark.parametrize("side", [(28, 28), (40, 24), (96, 80), (224, 224)])
def test_images_of_any_size_have_as_many_features(side: tuple[int, int]) -> None:
    pixels = torch.randn(2, 3, *side, generator=torch.Generator().manual_seed(3))
    features = learned(pixels).describe(pixels)
    assert features.shape == (2, 2 * FILTERS * GRID * GRID)
    assert features.isfinite().all()
    assert features.any()


@pytest.mark.parametrize("kind", [True, "kernels"])
def test_it_tells_textures_apart_that_a_random_network_cannot(kind: ProbeOption) -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], [60, 240])
    pixels = generator.integers(0, 255, (300, 32, 32, 3)).astype(np.uint8)
    smooth = pixels[labels == 1].astype(np.int64)
    pixels[labels == 1] = (smooth + np.roll(smooth, 1, axis=1)) // 2  # blurred along columns
    rows = np.arange(0, 300, 2)
    unseen = rows + 1
    torch.manual_seed(0)
    backbone = build_backbone("shufflenet_v2_x0_5", probe=kind)
    probe = build_probe(backbone)
    assert isinstance(probe, PatchProbe)
    network = with_probe(backbone, probe)
    before = score_images(network, pixels, unseen, CPU)
    prepare_probe(probe, backbone, pixels, labels, rows, CPU, "32-true", seed=0)
    after = score_images(network, pixels, unseen, CPU)
    assert binary_report(before, labels[unseen], 0.0)["auroc"] < 0.8
    assert binary_report(after, labels[unseen], 0.0)["auroc"] > 0.99
    again = rebuild_backbone(backbone.architecture)
    beside = build_probe(again)
    load_weights(again, beside, FoldModel(backbone, RULE, "fold_0", probe).weights)
    found = score_images(with_probe(again, beside), pixels, unseen, CPU)
    np.testing.assert_array_equal(found, after)
