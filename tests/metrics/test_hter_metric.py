import math
import multiprocessing
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from imbclf.metrics.error_rates import decide, hter
from imbclf.metrics.hter_metric import HTER, error_counts, hter_of_counts

THRESHOLD = 0.4


def draw(n: int = 101) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = (torch.rand(n, generator=generator) > 0.2).long()
    return torch.randn(n, generator=generator) + labels, labels


def expected(scores: torch.Tensor, labels: torch.Tensor) -> float:
    return hter(decide(scores.numpy(), THRESHOLD), labels.numpy())


@pytest.mark.parametrize("batch_size", [1, 7, 101])
def test_batches_give_the_hter_of_the_whole(batch_size: int) -> None:
    scores, labels = draw()
    metric = HTER(THRESHOLD)
    for start in range(0, len(scores), batch_size):
        rows = slice(start, start + batch_size)
        metric.update(scores[rows], labels[rows])
    assert float(metric.compute()) == pytest.approx(expected(scores, labels))


def test_forward_gives_the_batch_and_reset_forgets() -> None:
    scores, labels = draw()
    metric = HTER(THRESHOLD)
    metric.update(-scores, labels)
    assert float(metric(scores, labels)) == pytest.approx(expected(scores, labels))
    assert float(metric.compute()) != pytest.approx(expected(scores, labels))
    metric.reset()
    metric.update(scores, labels)
    assert float(metric.compute()) == pytest.approx(expected(scores, labels))


def test_the_threshold_is_taken_as_it_is_for_logits_and_probabilities() -> None:
    scores, labels = draw()
    probability = 1 / (1 + math.exp(-THRESHOLD))
    of_logits = error_counts(scores, labels, THRESHOLD)
    assert torch.equal(of_logits, error_counts(scores.sigmoid(), labels, probability))
    inside_0_and_1 = scores.clamp(0.01, 0.99)
    assert torch.equal(of_logits, error_counts(inside_0_and_1, labels, THRESHOLD))


def test_an_absent_class_is_nan() -> None:
    metric = HTER(THRESHOLD)
    metric.update(torch.tensor([0.2, 0.7]), torch.tensor([1, 1]))
    assert math.isnan(metric.compute())


@pytest.mark.parametrize(
    ("scores", "labels"), [([0.1, math.nan], [0, 1]), ([0.1, math.inf], [0, 1]), ([0.1, 1], [0, 2])]
)
def test_unusable_images_are_refused_not_counted(scores: list[float], labels: list[int]) -> None:
    metric = HTER(THRESHOLD)
    metric.update(torch.tensor([0.2, 0.7]), torch.tensor([0, 1]))
    metric.update(torch.tensor(scores), torch.tensor(labels))
    with pytest.raises(ValueError, match="1 of 4 images"):
        metric.compute()


def test_shapes_must_match() -> None:
    with pytest.raises(ValueError, match=r"\(2, 1\) and \(2,\)"):
        error_counts(torch.zeros(2, 1), torch.zeros(2), 0.5)


def test_the_threshold_is_not_rounded_to_half_precision() -> None:
    scores = torch.tensor([1.0, 1.0], dtype=torch.bfloat16)
    assert error_counts(scores, torch.tensor([0, 1]), 1.001).tolist() == [1, 0, 1, 0, 0]


def test_label_types_and_pickling() -> None:
    scores, labels = draw()
    counts = error_counts(scores, labels, THRESHOLD)
    for kind in (torch.bool, torch.int32, torch.float32):
        assert torch.equal(error_counts(scores, labels.to(kind), THRESHOLD), counts)
    metric = HTER(THRESHOLD)
    metric.update(scores, labels)
    assert float(pickle.loads(pickle.dumps(metric)).compute()) == float(hter_of_counts(counts))


def update_on_rank(rank: int, folder: str) -> None:
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
    )
    scores, labels = draw()
    metric = HTER(THRESHOLD)
    metric.update(scores[rank::2], labels[rank::2])
    np.save(Path(folder) / f"{rank}.npy", float(metric.compute()))
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_give_the_hter_of_the_whole(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ranks = [spawn.Process(target=update_on_rank, args=(rank, str(tmp_path))) for rank in range(2)]
    for process in ranks:
        process.start()
    for rank, process in enumerate(ranks):
        process.join(timeout=120)
        assert process.exitcode == 0
        assert float(np.load(tmp_path / f"{rank}.npy")) == pytest.approx(expected(*draw()))


def test_states_of_several_devices_merge() -> None:
    scores, labels = draw()
    first, second = HTER(THRESHOLD), HTER(THRESHOLD)
    first.update(scores[:40], labels[:40])
    second.update(scores[40:], labels[40:])
    first.merge_state(second)
    assert float(first.compute()) == pytest.approx(expected(scores, labels))
