"""Which convolutions become quick ones on small maps, and that they come back."""

import pytest
from torch import nn

from imbclf.models.backbone import build_backbone
from imbclf.models.fast_conv.dense import DenseConv2d
from imbclf.models.fast_conv.depthwise import DepthwiseConv2d
from imbclf.models.fast_conv.replace import use_plain_convolutions, use_small_map_convolutions


@pytest.mark.parametrize(
    ("layer", "becomes"),
    [
        (nn.Conv2d(4, 6, 3, padding=1), DenseConv2d),
        (nn.Conv2d(4, 6, (3, 1), padding=(1, 0)), DenseConv2d),
        (nn.Conv2d(4, 4, 3, padding=1, groups=4), DepthwiseConv2d),
        (nn.Conv2d(4, 4, 5, padding=2, groups=4, stride=2), DepthwiseConv2d),
        (nn.Conv2d(4, 8, 3, padding=1, groups=4), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding="same", groups=4), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding=1, groups=4, padding_mode="circular"), nn.Conv2d),
        (nn.Conv2d(4, 4, 1), nn.Conv2d),
        (nn.Conv2d(4, 4, 3), nn.Conv2d),
        (nn.Conv2d(4, 4, 2, padding=1), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding=1, stride=2), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding=2, dilation=2), nn.Conv2d),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"), nn.Conv2d),
    ],
    ids=str,
)
def test_those_become_quick_that_can(layer: nn.Conv2d, becomes: type[nn.Conv2d]) -> None:
    use_small_map_convolutions(layer)
    assert type(layer) is becomes
    use_plain_convolutions(layer)
    assert type(layer) is nn.Conv2d


def test_a_convolution_of_the_users_own_stays_theirs() -> None:
    class Own(nn.Conv2d):
        pass

    layer = Own(4, 4, 3, padding=1)
    use_small_map_convolutions(layer)
    assert type(layer) is Own
    use_plain_convolutions(layer)
    assert type(layer) is Own


@pytest.mark.parametrize(
    ("name", "quick"), [("resnet18", DenseConv2d), ("mobilenet_v3_small", DepthwiseConv2d)]
)
def test_a_backbone_has_them(name: str, quick: type[nn.Conv2d]) -> None:
    assert quick in {type(layer) for layer in build_backbone(name).network.modules()}
