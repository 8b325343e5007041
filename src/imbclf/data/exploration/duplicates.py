"""Exact and near duplicates among images, and their groups."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imbclf.data.decoding import decode
from imbclf.data.exploration.gray_images import GrayImages
from imbclf.data.exploration.groups import connected_groups, limited_groups
from imbclf.data.exploration.near_duplicates import LIKENESS, near_pairs
from imbclf.data.exploration.perceptual_hash import perceptual_hashes
from imbclf.data.pixel_options import SIXTEEN_BITS, PixelOptions
from imbclf.data.splits import Fold

DIGEST = 16  # bytes


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Pairs of images that are equal or look alike, `[P]` each, sorted by index.

    Exact copies are paired with the first of them only, and near duplicates are found among
    first copies only.

    Attributes:
        first, second: indices of the images, first < second.
        exact: whether all pixels are equal.
        bits: Hamming distance of the perceptual hashes of the whole images, of 64 bits.
        similarity: correlation of the images without what the set has in common, 1 for exact
            copies.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    exact: NDArray[np.bool_]
    bits: NDArray[np.int64]
    similarity: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)

    def take(self, chosen: NDArray[np.bool_]) -> "Duplicates":
        """Return the pairs where the mask `[P]` is True."""
        return Duplicates(
            first=self.first[chosen],
            second=self.second[chosen],
            exact=self.exact[chosen],
            bits=self.bits[chosen],
            similarity=self.similarity[chosen],
        )


def find_duplicates(
    originals: NDArray[np.int64],
    images: GrayImages,
    threads: int = 1,
    likeness: float = LIKENESS,
) -> Duplicates:
    """Return all pairs of exact and near duplicates.

    Args:
        originals: `[N]`, from `first_copies`.
        images: `N` images, from `gray_images`.
        threads: number of threads.
        likeness: least similarity of near duplicates, 0 to 1.
    """
    copies = np.flatnonzero(originals != np.arange(len(originals)))
    firsts = np.flatnonzero(originals == np.arange(len(originals)))
    near = near_pairs(images.take(firsts), threads, likeness)
    first = np.concatenate([originals[copies], firsts[near.first]])
    second = np.concatenate([copies, firsts[near.second]])
    exact = np.arange(len(first)) < len(copies)
    paired, place = np.unique([first, second], return_inverse=True)
    codes = perceptual_hashes(images.thumbs[paired])[place.reshape(2, -1)]
    bits = np.bitwise_count(codes[0] ^ codes[1]).astype(np.int64)
    similarity = np.concatenate([np.ones(len(copies)), near.similarity])
    order = np.lexsort((second, first))
    return Duplicates(first[order], second[order], exact[order], bits[order], similarity[order])


def first_copies(pixels: Iterable[NDArray[np.uint8]]) -> NDArray[np.int64]:
    """Return for each image the index of its first exact copy, often itself: int64 `[N]`.

    >>> first_copies([np.zeros((1, 1, 3), np.uint8), np.ones((1, 1, 3), np.uint8)] * 2).tolist()
    [0, 1, 0, 1]
    """
    return _first_equal([_digest(image) for image in pixels])


def confirm_copies(
    originals: NDArray[np.int64], paths: Sequence[str], options: PixelOptions = SIXTEEN_BITS
) -> NDArray[np.int64]:
    """Return `first_copies` of the full-size images, given those of the resized images.

    Args:
        originals: `[N]`, from `first_copies` of the resized images.
        paths: `[N]`, paths of the files; only those of copies are decoded.
        options: depth and limit of pixels.
    """
    suspects = np.flatnonzero(np.bincount(originals, minlength=len(originals))[originals] > 1)
    digests: list[object] = list(range(len(originals)))
    for index in suspects.tolist():
        digests[index] = _digest(decode(paths[index], None, options))
    return _first_equal(digests)


def duplicate_groups(
    count: int, pairs: Duplicates, groups: NDArray[np.str_] | None = None
) -> NDArray[np.int64]:
    """Return group numbers that keep duplicates and given groups together, `[count]`.

    Groups of more than 20 images are joined by strong likeness only: by pairs halfway between the
    weakest of all and an exact copy.

    Args:
        count: number of images.
        pairs: duplicates among them.
        groups: `[count]`, names of given groups (patients, identities), or None.
    """
    strict = (1 + float(pairs.similarity.min())) / 2 if len(pairs) else 1.0
    alike = limited_groups(count, pairs.first, pairs.second, pairs.similarity, strict)
    if groups is None:
        return alike
    links = [_to_first_member(alike), _to_first_member(groups)]
    return connected_groups(count, np.concatenate(links), np.tile(np.arange(count), 2))


def _to_first_member(groups: NDArray[np.int64] | NDArray[np.str_]) -> NDArray[np.int64]:
    _, leaders, group = np.unique(groups, return_index=True, return_inverse=True)
    return np.asarray(leaders[group], np.int64)


def pairs_across(found: Duplicates, thumbs: NDArray[np.uint8], count: int) -> Duplicates:
    """Return the duplicates between the first `count` images and the others.

    An image connected to the first part only through other images (a copy of a near copy) is
    paired with the first image of its connected group; `similarity` is then that of its most
    similar direct duplicate.

    Args:
        found: all pairs, from `find_duplicates`.
        thumbs: uint8 `[N, 32, 32]`, thumbnails of all images.
        count: number of images in the first part.
    """
    direct = found.take((found.first < count) & (found.second >= count))
    group = connected_groups(len(thumbs), found.first, found.second)
    groups, first_of = np.unique(group[:count], return_index=True)
    others = np.setdiff1d(np.arange(count, len(thumbs)), direct.second)
    second = others[np.isin(group[others], groups)]
    first = first_of[np.searchsorted(groups, group[second])]
    ends, similarity = np.concatenate([found.first, found.second]), np.tile(found.similarity, 2)
    nearest = np.zeros(len(thumbs))
    np.maximum.at(nearest, ends, similarity)
    codes = perceptual_hashes(thumbs[np.concatenate([first, second])]).reshape(2, -1)
    return Duplicates(
        first=np.concatenate([direct.first, first]),
        second=np.concatenate([direct.second, second]),
        exact=np.concatenate([direct.exact, np.zeros(len(first), bool)]),
        bits=np.concatenate([direct.bits, np.bitwise_count(codes[0] ^ codes[1]).astype(np.int64)]),
        similarity=np.concatenate([direct.similarity, nearest[second]]),
    )


def split_across_folds(folds: Sequence[Fold], pairs: Duplicates) -> NDArray[np.bool_]:
    """Return for each pair whether some fold has its images in different parts, bool `[P]`.

    >>> fold = Fold(fit=np.array([0]), dev=np.array([1]), test=np.array([2, 3]))
    >>> one = np.ones(2)
    >>> pairs = Duplicates(np.array([0, 2]), np.array([2, 3]), one > 1, one.astype(int), one)
    >>> split_across_folds([fold], pairs).tolist()
    [True, False]
    """
    split = np.zeros(len(pairs), bool)
    for fold in folds:
        part = np.empty(sum(map(len, (fold.fit, fold.dev, fold.test))), np.int8)
        part[fold.fit], part[fold.dev], part[fold.test] = 0, 1, 2
        split |= part[pairs.first] != part[pairs.second]
    return split


def _digest(image: NDArray[np.uint8]) -> bytes:
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=DIGEST)
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()


def _first_equal(keys: Sequence[object]) -> NDArray[np.int64]:
    seen: dict[object, int] = {}
    return np.array([seen.setdefault(key, index) for index, key in enumerate(keys)], np.int64)
