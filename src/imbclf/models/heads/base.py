"""The base class of heads."""

from typing import ClassVar

from torch import nn

Value = str | int | float | bool | None
Entry = dict[str, Value]


class Head(nn.Module):
    """The last layer of a backbone: features [N, D] to logits [N].

    Attributes:
        is_trained: whether gradients train it; False if it is fitted once before training.
        takes_stages: whether features are those of several stages (`stage_features`) of a network
            that stays as it is.
        allows_biases: False if biases in the network would permit a trivial solution.
        entry: its name in `HEADS` and its options; JSON-able.
    """

    is_trained: ClassVar[bool] = True
    takes_stages: ClassVar[bool] = False
    allows_biases: ClassVar[bool] = True
    entry: Entry
