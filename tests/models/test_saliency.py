import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from imbclf.models.build import build_backbone
from imbclf.models.probes.build import with_probe
from imbclf.models.probes.pretrained_features import StageProbe
from imbclf.models.saliency import smooth_gradients

CPU = torch.device("cpu")


class Linear(nn.Module):
    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, images: Tensor) -> Tensor:
        return (self.weight * images).sum((1, 2, 3))


class Squares(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.square().sum((1, 2, 3)) / 2


def scaled(values: np.ndarray) -> np.ndarray:
    smooth = gaussian_filter(values, 0.02 * max(values.shape))
    return np.asarray((smooth / np.quantile(smooth, 0.99)).clip(0, 1))


def test_a_linear_network_looks_where_its_weights_are() -> None:
    weight = torch.randn(12, 20, 3, generator=torch.Generator().manual_seed(0))
    images = np.random.default_rng(0).integers(0, 256, (2, 12, 20, 3), dtype=np.uint8)
    maps = smooth_gradients(Linear(weight), images, CPU, samples=2)
    expected = scaled(weight.double().square().sum(2).numpy())
    for found in maps:
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_noise_is_a_tenth_of_the_range_of_colors() -> None:
    images = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    found = smooth_gradients(Squares(), images, CPU, samples=8000)[0]
    # The gradient of x^2 / 2 is x + noise, whose mean square is x^2 + variance.
    expected = scaled((images[0].astype(float) ** 2 + 25.5**2).sum(axis=2))
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_a_backbone_with_a_probe_has_a_map_and_random_numbers_stay() -> None:
    backbone = build_backbone("shufflenet_v2_x0_5")
    probe = StageProbe(backbone.network, side=32, maxima=True)
    probe.weight.normal_()
    network = with_probe(backbone, probe)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    before = torch.random.get_rng_state()
    first, again = (smooth_gradients(network, images, CPU, samples=3) for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert first.shape == (2, 32, 32)
    assert np.array_equal(first, again)
    assert first.max() == 1
    assert first.min() >= 0
    probe.weight.zero_()
    assert not np.allclose(first, smooth_gradients(network, images, CPU, samples=3))


def test_gradients_too_large_to_be_squared_have_an_empty_map() -> None:
    """A warning would be an error here."""

    class Astray(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return 1e25 * images[:, 0, 0, 0]

    images = np.zeros((1, 8, 8, 3), np.uint8)
    assert not smooth_gradients(Astray(), images, torch.device("cpu")).any()


def test_a_network_that_looks_nowhere_has_an_empty_map() -> None:
    images = np.zeros((1, 8, 8, 3), np.uint8)
    assert not smooth_gradients(Linear(torch.zeros(8, 8, 3)), images, CPU, samples=1).any()
