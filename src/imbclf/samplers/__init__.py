"""Samplers: which images an epoch has, and in which order.

A sampler is built from the training labels and a seed, and yields positions into these labels. Its
draws depend only on labels, seed, epoch and progress, and for an `Observer` on what it observed: a
resumed training is the same as an uninterrupted one, and every device draws the same.
"""

from imbclf.samplers.base import IndexSampler, MajorityOnlySampler, ShuffleSampler
from imbclf.samplers.both_classes import BothClassesSampler
from imbclf.samplers.class_balanced import BalancedSampler, ClassSampler, SquareRootSampler
from imbclf.samplers.class_ratio import ProgressiveSampler, UndersampleSampler
from imbclf.samplers.even_draws import draw_evenly
from imbclf.samplers.hard_examples import HardSampler
from imbclf.samplers.observer import Observer

__all__ = [
    "BalancedSampler",
    "BothClassesSampler",
    "ClassSampler",
    "HardSampler",
    "IndexSampler",
    "MajorityOnlySampler",
    "Observer",
    "ProgressiveSampler",
    "ShuffleSampler",
    "SquareRootSampler",
    "UndersampleSampler",
    "draw_evenly",
]
