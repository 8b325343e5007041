"""What every head has."""

from typing import ClassVar

from torch import nn

Value = str | int | float | bool | None
Entry = dict[str, Value]


class Head(nn.Module):
    """What stands in the place of a network's last layer: features [N, D] to logits [N].

    Attributes:
        is_trained: whether gradients train it; False where it is fitted beforehand, once.
        allows_biases: False where constant terms in the network would let training cheat.
        entry: its name in `HEADS` and its options; JSON-able.
    """

    is_trained: ClassVar[bool] = True
    allows_biases: ClassVar[bool] = True
    entry: Entry
