"""What is said about few images in dev, and about folds that failed."""

import numpy as np
import pytest

from imbclf.data.splits import stratified_folds
from imbclf.evaluation.cautions import few_in_dev, fold_that_stands_out

FOLDS = np.arange(2000) % 5
LABELS = (np.arange(2000) // 5 % 10 > 0).astype(np.int64)  # 200 of label 0


def decided(rates: list[float], seed: int = 0) -> np.ndarray:
    wrong = np.random.default_rng(seed).random(2000) < np.array(rates)[FOLDS]
    return np.where(wrong, 1 - LABELS, LABELS)


@pytest.mark.parametrize(
    ("minority", "fraction", "said"),
    [
        (10, 0.1, "Only 1 image of label bad in the dev part of fold 0: "),
        (60, 0.1, "Only 6 images of label bad in the dev part of fold 0: "),
        (60, 0.2, None),
        (120, 0.1, None),
    ],
)
def test_few_images_of_the_minority_in_dev_are_said_with_what_to_do(
    minority: int, fraction: float, said: str | None
) -> None:
    labels = (np.arange(1000) >= minority).astype(np.int64)
    folds = dict(enumerate(stratified_folds(labels, 5, 0, dev_fraction=fraction)))
    sentences = few_in_dev(folds, labels, ("bad", "good"))
    assert len(sentences) == (said is not None)
    for sentence in sentences:
        assert sentence.startswith(str(said))
        assert "cv.select=last" in sentence
        assert "cross-fitted" in sentence
        assert ("(cv.dev_fraction=0.2)" in sentence) == (minority == 60)


def test_the_number_of_a_fold_is_its_own_where_not_all_were_trained() -> None:
    labels = (np.arange(1000) >= 10).astype(np.int64)
    folds = stratified_folds(labels, 5, 0)
    (sentence,) = few_in_dev({3: folds[3]}, labels, ("bad", "good"))
    assert "in the dev part of fold 3" in sentence


def test_a_fold_that_failed_is_named() -> None:
    (sentence,) = fold_that_stands_out(decided([0.07, 0.08, 0.5, 0.06, 0.08]), LABELS, FOLDS)
    assert sentence.startswith("Fold 2 stands out: its HTER is 0.")


def test_of_folds_that_differ_by_chance_none_is_named() -> None:
    for seed in range(30):
        assert not fold_that_stands_out(decided([0.1] * 5, seed), LABELS, FOLDS)
    assert not fold_that_stands_out(LABELS, LABELS, FOLDS)
    assert not fold_that_stands_out(decided([0.1] * 5), LABELS, np.zeros(2000, int))
