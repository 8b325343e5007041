"""Shares of fit parts: nested, stratified, whole groups, dev and test as they were."""

import numpy as np
import pytest

from imbclf.data.fit_share import take_fit_share
from imbclf.data.splits import stratified_folds

SHARES = (0.1, 0.25, 0.5, 0.8, 1.0)


@pytest.mark.parametrize("grouped", [False, True])
def test_shares_are_nested_and_keep_labels_and_groups(grouped: bool) -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 150, 900) if grouped else np.arange(900)
    labels = (rng.random(900) < np.where(group % 5 == 0, 0.4, 0.05)).astype(np.int64)
    groups = np.array([f"p{one}" for one in group]) if grouped else None
    folds = stratified_folds(labels, 3, 0, groups)
    earlier = [np.array([], np.int64)] * 3
    for share in SHARES:
        taken = take_fit_share(folds, labels, groups, share, seed=0)
        for fold, own, before in zip(folds, taken, earlier, strict=True):
            assert own.dev is fold.dev
            assert own.test is fold.test
            assert np.isin(before, own.fit).all()
            assert (np.diff(own.fit) > 0).all()
            for label in (0, 1):
                wanted = share * (labels[fold.fit] == label).sum()
                slack = 0.2 * wanted + 12 if grouped else 0.5
                assert abs((labels[own.fit] == label).sum() - wanted) <= slack
            rest = np.setdiff1d(fold.fit, own.fit)
            assert not set(group[own.fit]) & set(group[rest])
        earlier = [own.fit for own in taken]
    assert all((own == fold.fit).all() for own, fold in zip(earlier, folds, strict=True))
    other = take_fit_share(folds, labels, groups, 0.5, seed=1)[0].fit
    assert set(other) != set(take_fit_share(folds, labels, groups, 0.5, seed=0)[0].fit)


def test_of_a_tiny_share_one_image_of_each_label_is_left() -> None:
    labels = np.repeat([0, 1], [90, 10])
    fold = stratified_folds(labels, 2, 0)[0]
    assert labels[take_fit_share([fold], labels, None, 0.001, 0)[0].fit].tolist() == [0, 1]
