"""Parts that the user made, against their definition on random tables."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from numpy.typing import NDArray

from imbclf.data.given_folds import given_folds
from imbclf.data.listing import Listing
from imbclf.data.parts import check_parts, count_parts, take_test_part
from imbclf.data.splits import Fold, repeated_folds
from imbclf.errors import UserError


def table(
    parts: list[str] | NDArray[np.str_],
    labels: list[int] | NDArray[np.int64],
    groups: NDArray[np.str_] | None = None,
) -> Listing:
    files = np.array([f"{number}.png" for number in range(len(labels))])
    truth = np.asarray(labels, dtype=np.int64)
    return Listing(Path("photos"), files, truth, groups, ("bad", "good"), np.asarray(parts, str))


def random_table(names: list[str], images: int, seed: int, grouped: bool) -> Listing:
    """Draw a part and a group of each image; a group is of one part, labels are what they are."""
    random = np.random.default_rng(seed)
    groups = random.integers(0, images // 3, images) if grouped else np.arange(images)
    parts = random.choice(names, images)[groups]
    labels = (random.random(images) > random.uniform(0.05, 0.5)).astype(np.int64)
    return table(parts, labels, groups.astype(str) if grouped else None)


def counts(listing: Listing, rows: NDArray[np.int64] | NDArray[np.bool_]) -> list[int]:
    assert listing.labels is not None
    return [int((listing.labels[rows] == label).sum()) for label in (0, 1)]


def assert_folds_are_sound(folds: list[Fold], listing: Listing) -> None:
    """Parts are disjoint, make up all images, tear no group, and dev and test have both labels."""
    for fold in folds:
        parts = [set(rows.tolist()) for rows in (fold.fit, fold.dev, fold.test)]
        assert set.union(*parts) == set(range(len(listing)))
        assert sum(map(len, parts)) == len(listing)
        for rows in (fold.fit, fold.dev, fold.test):
            assert (np.diff(rows) > 0).all()
        assert 0 not in counts(listing, fold.dev)
        assert 0 not in counts(listing, fold.test)
        if listing.groups is not None:
            owners = [set(listing.groups[list(part)]) for part in parts]
            assert not any(one & other for one, other in combinations(owners, 2))


TABLES = st.tuples(
    st.lists(
        st.sampled_from(["", "fit", "dev", "test", "0", "1", "7", "12"]), min_size=1, max_size=6
    ),
    st.integers(20, 250),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)


@given(TABLES, st.integers(2, 5))
@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.filter_too_much])
def test_every_table_is_divided_as_it_says_or_refused(
    drawn: tuple[list[str], int, int, bool], k: int
) -> None:
    everything = random_table(*drawn)
    try:
        listing, test = take_test_part(everything, holdout=0.0)
        folds = given_folds(listing, k, seed=3)
    except UserError:
        assume(False)
    assert everything.parts is not None
    is_test = everything.parts == "test"
    if not {"dev", "0", "1", "7", "12"} & {*everything.parts} and 0 in counts(everything, ~is_test):
        parts = np.where(is_test, "dev", "fit")
        everything = listing = replace(listing, parts=parts)
        is_test = np.zeros_like(is_test)
    assert (test is None) == (not is_test.any())
    if test is not None:
        assert test.files.tolist() == everything.files[is_test].tolist()
        assert 0 not in counts(everything, is_test)
    assert listing.files.tolist() == everything.files[~is_test].tolist()
    assert listing.parts is not None
    assert_folds_are_sound(folds, listing)
    numbers = sorted({int(part) for part in listing.parts if part.isdecimal()})
    dev = np.flatnonzero(listing.parts == "dev")
    tested = np.concatenate([fold.test for fold in folds])
    assert len(set(tested.tolist())) == len(tested)
    if numbers:
        assert len(folds) == len(numbers)
        for number, fold in zip(numbers, folds, strict=True):
            assert fold.test.tolist() == np.flatnonzero(listing.parts == str(number)).tolist()
    else:
        assert len(folds) == k
    one_class = 0 in counts(listing, listing.parts != "dev")
    for fold in folds:
        if len(dev) and not one_class:
            assert fold.dev.tolist() == dev.tolist()
        if not one_class:
            assert 0 not in counts(listing, fold.fit)
    if not numbers:
        expected = dev if one_class else np.setdiff1d(np.arange(len(listing)), dev)
        assert sorted(tested.tolist()) == expected.tolist()


@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.booleans())
@settings(deadline=None, max_examples=40)
def test_what_has_enough_images_is_not_refused(seed: int, k: int, dev: bool) -> None:
    random = np.random.default_rng(seed)
    names = ["fit", "test", *(["dev"] if dev else [])]
    parts = np.concatenate([np.repeat(names, 30), random.choice(names, 200)])
    labels = np.concatenate(
        [np.tile(np.repeat([0, 1], 15), len(names)), random.integers(0, 2, 200)]
    )
    order = random.permutation(len(parts))
    rest, test = take_test_part(table(parts[order], labels[order]), 0.0)
    assert test is not None
    assert len(given_folds(rest, k, seed % 1000)) == k


def test_undivided_images_are_divided_as_ever() -> None:
    labels = (np.random.default_rng(0).random(200) > 0.2).astype(np.int64)
    expected = repeated_folds(labels, 3, seed=5, repeats=2)
    plain = Listing(Path("p"), np.arange(200).astype(str), labels)
    for listing in (plain, table(np.array(["", "fit"] * 100), labels)):
        found = given_folds(listing, 3, seed=5, repeats=2)
        for one, other in zip(found, expected, strict=True):
            for part in ("fit", "dev", "test"):
                assert np.array_equal(getattr(one, part), getattr(other, part))


def test_a_test_part_leaves_the_rest_as_if_it_had_never_been_there() -> None:
    parts = np.array(["test", "", ""] * 60)
    labels = (np.random.default_rng(1).random(180) > 0.3).astype(np.int64)
    rest, _ = take_test_part(table(parts, labels), 0.0)
    expected = repeated_folds(labels[parts == ""], 3, seed=0)
    for one, other in zip(given_folds(rest, 3, seed=0), expected, strict=True):
        for part in ("fit", "dev", "test"):
            assert np.array_equal(getattr(one, part), getattr(other, part))


def test_a_fit_part_of_one_label_is_that_of_every_fold_and_dev_is_divided() -> None:
    parts = np.repeat(["fit", "dev", "test"], [50, 40, 30])
    labels = np.concatenate([np.ones(50), np.arange(40) % 2, np.arange(30) % 2])
    rest, test = take_test_part(table(parts, labels.astype(np.int64)), 0.0)
    assert test is not None
    folds = given_folds(rest, 4, seed=0, repeats=2)
    assert len(folds) == 8
    for fold in folds:
        assert fold.fit.tolist() == list(range(50))
        assert sorted([*fold.dev, *fold.test]) == list(range(50, 90))
        assert len(fold.test) == 10
    first = np.concatenate([fold.test for fold in folds[:4]])
    assert sorted(first.tolist()) == list(range(50, 90))


def test_without_a_dev_part_the_test_part_beside_a_fit_part_of_one_label_is_divided() -> None:
    parts = np.repeat(["", "test"], [50, 40])
    labels = np.concatenate([np.ones(50), np.arange(40) % 2]).astype(np.int64)
    listing, test = take_test_part(table(parts, labels), 0.2)
    assert test is None
    folds = given_folds(listing, 4, seed=0)
    for fold in folds:
        assert fold.fit.tolist() == list(range(50))
        assert sorted([*fold.dev, *fold.test]) == list(range(50, 90))
    assert sorted(np.concatenate([fold.test for fold in folds]).tolist()) == list(range(50, 90))


def test_each_part_is_counted_by_label() -> None:
    listing = table(["10", "9", "", "dev", "test", "test"], [0, 1, 1, 0, 1, 1])
    assert list(count_parts(listing).items()) == [
        ("fit", [0, 1]),
        ("dev", [1, 0]),
        ("test", [0, 2]),
        ("9", [0, 1]),
        ("10", [1, 0]),
    ]


BOTH = [0, 1]


@pytest.mark.parametrize(
    ("parts", "labels", "messages"),
    [
        (["fit"] * 2 + ["test"], [*BOTH, 1], ["part test lacks", "test         0       1"]),
        (["test"] * 2, BOTH, ["part fit lacks", "data.part=none"]),
        (["fit", "test", "test"], [1, 0, 0], ["part fit, test lacks", "needs a part dev or test"]),
        (["fit", "dev", "dev"], [1, 0, 0], ["part dev, fit lacks"]),
        (["dev", "dev"], BOTH, ["part fit lacks"]),
        (["0", "0", "1", ""], [*BOTH, 1, 1], ["part 1 lacks"]),
        (["0", "0", "1", "1", "dev"], [*BOTH, *BOTH, 1], ["part dev lacks"]),
    ],
)
def test_a_part_without_a_label_is_refused_with_the_counts(
    parts: list[str], labels: list[int], messages: list[str]
) -> None:
    with pytest.raises(UserError) as caught:
        check_parts(table(parts, labels))
    for message in ("data.part: part", "bad", "good", "data.part=none", *messages):
        assert message in str(caught.value)


def test_a_group_in_two_parts_is_refused_by_name() -> None:
    parts = ["fit", "test", "fit", "test", "fit", "test"]
    groups = np.array(["ann", "ann", "bob", "bob", "cleo", "dan"])
    with pytest.raises(UserError, match=r"groups in more than one part: 2, ann \(fit, test\), bo"):
        check_parts(table(parts, [0, 1, 1, 0, 1, 0], groups))
    # Without a number, an image is trained on while its group is tested.
    numbered = ["0", "0", "1", "1", "", "1"]
    with pytest.raises(UserError, match=r"groups .* part: 1, dan \(1, fit\)"):
        check_parts(table(numbered, [0, 1, 0, 1, 1, 1], np.array([*"aabb", "dan", "dan"])))


def test_what_contradicts_the_parts_is_refused() -> None:
    divided = table(["", "", "test", "test"], [0, 1, 0, 1])
    with pytest.raises(UserError, match=r"data\.holdout=0\.2: the images have a test part"):
        take_test_part(divided, 0.2)
    numbered = table(["0", "1"] * 20, np.repeat([0, 1], 20))
    with pytest.raises(UserError, match=r"cv\.repeats=2: the images are numbered"):
        given_folds(numbered, 5, seed=0, repeats=2)
    with pytest.raises(UserError, match="all numbered images are of fold 4"):
        given_folds(table(["4", "4", "", ""], [0, 1, 0, 1]), 5, seed=0)
    with pytest.raises(
        UserError, match=r"cv\.folds=5: label 0 has only 2 images.*cv\.folds .* is 2"
    ):
        given_folds(table(["dev", "dev", *[""] * 9], [0, 1, 0, 0, *[1] * 7]), 5, seed=0)
    few = table(["0", "0", "1", "1"], [0, 1, 0, 1])
    with pytest.raises(UserError, match="the dev part of fold 0 has no image of label bad"):
        given_folds(few, 5, seed=0)
    with pytest.raises(ValueError, match="valid is none of fit"):
        check_parts(table(["valid", "fit"], [0, 1]))
