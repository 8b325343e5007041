"""Labels that are probably wrong: by the paper's definition, and planted ones that are found."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import expit

from imbclf.metrics.calibration import fit_platt
from imbclf.metrics.label_issues import expected_label_issues, find_label_issues

Pairs = list[tuple[float, int]]
PAIRS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=2, max_size=40).filter(
    lambda pairs: len({label for _, label in pairs}) == 2
)


@given(PAIRS)
def test_issues_are_as_many_as_the_confident_joint(pairs: Pairs) -> None:
    def of(label: int, p: float) -> float:
        return p if label == 1 else 1 - p

    thresholds = [
        np.mean([of(label, p) for p, given_label in pairs if given_label == label])
        for label in (0, 1)
    ]
    joint = np.zeros((2, 2))
    for p, given_label in pairs:
        confident = [label for label in (0, 1) if of(label, p) >= thresholds[label]]
        if confident:  # of two that are as likely, the given one
            joint[
                given_label, sorted(confident, key=lambda k: (of(k, p), k == given_label))[-1]
            ] += 1
    expected = []
    for label in (0, 1):
        own = sorted((of(label, p), row) for row, (p, k) in enumerate(pairs) if k == label)
        wrong = round(len(own) * joint[label, 1 - label] / max(joint[label].sum(), 1))
        expected += [(p, row) for p, row in own[:wrong] if p < 0.5]
    found = find_label_issues(*zip(*pairs, strict=True))
    assert found.rows.tolist() == [row for _, row in sorted(expected)]
    assert found.confidence.tolist() == [p for p, _ in sorted(expected)]
    assert all(pairs[row][1] != k for row, k in zip(found.rows, found.suggested, strict=True))


@pytest.mark.parametrize(("separation", "recall"), [(6.0, 0.75), (4.0, 0.85)])
def test_fifty_planted_labels_are_found(separation: float, recall: float) -> None:
    random = np.random.default_rng(0)
    truth = (random.random(4000) < 0.88).astype(np.int64)
    scores = random.normal(size=4000) + separation * truth
    flipped = random.choice(4000, 50, replace=False)
    labels = truth.copy()
    labels[flipped] = 1 - labels[flipped]
    slope, intercept = fit_platt(scores[:1000], labels[:1000])
    found = find_label_issues(expit(slope * scores + intercept), labels)
    hits = np.isin(found.rows, flipped)
    assert hits.sum() / 50 >= recall
    assert hits.mean() >= 0.8
    assert hits[:25].all()


def test_names_of_the_labels_do_not_matter() -> None:
    random = np.random.default_rng(1)
    probabilities = random.integers(1, 64, 200) / 64  # of which 1 - P is exact
    labels = random.integers(0, 2, 200)
    one, other = (
        find_label_issues(probabilities, labels),
        find_label_issues(1 - probabilities, 1 - labels),
    )
    assert one.rows.tolist() == other.rows.tolist()
    assert one.suggested.tolist() == (1 - other.suggested).tolist()


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="both classes"):
        find_label_issues([0.5, 0.6], [1, 1])
    with pytest.raises(ValueError, match="not within 0 and 1"):
        find_label_issues([0.5, 1.6], [0, 1])


@pytest.mark.parametrize("distance", [0.5, 1.5, 3.0])
def test_of_right_labels_as_many_are_listed_as_expected(distance: float) -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(2000) < 0.88).astype(np.int64)
    scores = rng.normal(size=2000) + distance * labels
    slope, intercept = fit_platt(scores, labels)
    probabilities = expit(slope * scores + intercept)
    listed = len(find_label_issues(probabilities, labels).rows)
    mean, deviation = expected_label_issues(probabilities)
    assert listed > 10
    assert abs(listed - mean) < 3 * deviation


def test_confident_models_list_more_than_expected_where_labels_were_flipped() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random(2000) < 0.88).astype(np.int64)
    probabilities = expit(14.0 * truth - 7 + rng.normal(size=2000))  # of models that know better
    given = truth.copy()
    flipped = rng.choice(2000, 50, replace=False)
    given[flipped] = 1 - given[flipped]
    mean, deviation = expected_label_issues(probabilities)
    assert len(find_label_issues(probabilities, given).rows) > mean + 2 * deviation
