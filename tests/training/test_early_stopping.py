"""When training stops, and that it is honest and resumable."""

from types import SimpleNamespace
from typing import cast

import lightning as L
import numpy as np
import pytest
import torch

from imbclf.errors import UserError
from imbclf.training import EarlyStopping
from imbclf.training.checkpoint_callback import check_states
from imbclf.training.early_stopping import best_epoch


def by_hand(values: list[float], smooth: int, min_gain: float) -> int:
    """Walk over epochs, with the definition of the documentation."""
    best, chosen = None, 0
    for end in range(len(values)):
        seen = values[: end + 1][-smooth:]
        mean = sum(seen) / len(seen)
        if len(seen) < smooth:
            chosen = end + 1
        elif not np.isnan(mean) and (best is None or mean - best > min_gain):
            best, chosen = mean, end + 1
    return chosen


def test_the_last_gain_is_that_of_the_definition() -> None:
    random = np.random.default_rng(0)
    for _ in range(300):
        values = random.integers(0, 6, random.integers(1, 12)).astype(float).tolist()
        if random.random() < 0.2:
            values[int(random.integers(len(values)))] = float("nan")
        smooth, gain = int(random.integers(1, 5)), float(random.choice([0.0, 0.4]))
        assert best_epoch(values, smooth, gain) == by_hand(values, smooth, gain)


def epochs_trained(stop: EarlyStopping, metrics: list[float]) -> int:
    trainer = SimpleNamespace(should_stop=False, is_global_zero=True, max_epochs=len(metrics))
    for epoch, value in enumerate(metrics, 1):
        module = SimpleNamespace(epoch_metrics={stop.monitor: value})
        stop.on_train_epoch_end(cast("L.Trainer", trainer), cast("L.LightningModule", module))
        if trainer.should_stop:
            return epoch
    return len(metrics)


@pytest.mark.parametrize("monitor", ["dev/auroc", "dev/loss"])
def test_it_stops_once_patience_is_over_in_either_direction(monitor: str) -> None:
    sign = 1 if monitor == "dev/auroc" else -1
    rising = [sign * value for value in (0.1, 0.2, 0.3, 0.4, 0.1, 0.1, 0.1, 0.1)]
    assert epochs_trained(EarlyStopping(monitor, patience=3, smooth=1), rising) == 7
    # Means of two: .1 .15 .25 .35 .25 .1 ...: the same last gain, and no later one.
    assert epochs_trained(EarlyStopping(monitor, patience=3, smooth=2), rising) == 7
    assert epochs_trained(EarlyStopping(monitor, patience=8, smooth=1), rising) == 8


def test_smoothing_ignores_a_single_lucky_epoch() -> None:
    lucky = [0.6, 0.9, 0.62, 0.64, 0.66, 0.68, 0.7, 0.72, 0.74, 0.76]
    assert epochs_trained(EarlyStopping(patience=4, smooth=1), lucky) == 6
    assert epochs_trained(EarlyStopping(patience=4, smooth=3), lucky) > 6


def test_a_restored_callback_stops_where_the_first_would_have() -> None:
    values = np.random.default_rng(1).random(30).tolist()
    whole = epochs_trained(EarlyStopping(patience=5), values)
    for cut in range(1, whole):
        before, after = EarlyStopping(patience=5), EarlyStopping(patience=5)
        assert epochs_trained(before, values[:cut]) == cut
        after.load_state_dict(before.state_dict())
        assert cut + epochs_trained(after, values[cut:]) == whole


@pytest.mark.parametrize(
    "wrong", [{"monitor": "test/hter"}, {"patience": 0}, {"smooth": 0}, {"min_gain": -1}]
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(wrong))):
        EarlyStopping(**wrong)  # type: ignore[arg-type]


class Holds(L.Callback):
    def __init__(self, value: object) -> None:
        self.value = value

    def state_dict(self) -> dict[str, object]:
        return {"value": self.value}


def test_states_that_could_not_be_read_back_are_refused_when_saved() -> None:
    check_states([Holds([1, "a", None, {"b": torch.zeros(2)}]), EarlyStopping()])
    for value in (np.float64(1), Holds(1), lambda: 1):
        with pytest.raises(UserError, match=r"Holds.state_dict\(\) cannot be saved and read back"):
            check_states([Holds(value)])
