"""Schedules of the learning rate."""

import math
from typing import Literal

Schedule = Literal["constant", "cosine", "one_cycle"]
ONE_CYCLE_RISE = 0.3
ONE_CYCLE_START = 1 / 25


def learning_rate_factor(progress: float, schedule: Schedule, warmup: float = 0.0) -> float:
    """Return the factor of the learning rate after `progress` (0 to 1) of all steps.

    constant: 1. cosine: (1 + cos(pi t)) / 2 over the time t after the warm-up. one_cycle: up from
    1/25 to 1 over the first 30 % and down to 0, both along a cosine (Smith & Topin 2018).
    `warmup` is the share of all steps over which the factor first rises linearly from 0.

    >>> learning_rate_factor(0.5, "cosine")
    0.5
    >>> learning_rate_factor(0.05, "constant", warmup=0.1)
    0.5
    """
    if progress < warmup:
        return progress / warmup
    time = (progress - warmup) / (1 - warmup)
    if schedule == "constant":
        return 1.0
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * time))
    if time < ONE_CYCLE_RISE:
        rise = 0.5 * (1 - math.cos(math.pi * time / ONE_CYCLE_RISE))
        return ONE_CYCLE_START + (1 - ONE_CYCLE_START) * rise
    return 0.5 * (1 + math.cos(math.pi * (time - ONE_CYCLE_RISE) / (1 - ONE_CYCLE_RISE)))
