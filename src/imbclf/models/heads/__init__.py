"""Heads: each turns a network's features [N, D] into one logit of label 1 per image, [N].

A head is created with `width=D`. Its `entry` holds its name and options, plain values from which
`rebuild_head` creates it again. Linear and cosine heads are trained, a logistic one is fitted to
features of a network that is not trained. The others are one-class heads: they are fitted to
features of the majority, and the larger an image's distance from those, the more its logit favors
the minority, whichever label that is.
"""

from collections.abc import Callable, Mapping

from imbclf.errors import UserError
from imbclf.models.heads.base import Entry, Head, Value
from imbclf.models.heads.hypersphere import HypersphereHead
from imbclf.models.heads.knn import NeighborsHead
from imbclf.models.heads.linear import CosineHead, LinearHead, LogitHead
from imbclf.models.heads.logistic import LogisticHead
from imbclf.models.heads.mahalanobis import MahalanobisHead
from imbclf.models.heads.one_class import OneClassHead
from imbclf.utils.arrays import minority_label

HEADS: Mapping[str, Callable[..., Head]] = {
    "linear": LinearHead,
    "cosine": CosineHead,
    "logistic": LogisticHead,
    "hypersphere": HypersphereHead,
    "neighbors": NeighborsHead,
    "mahalanobis": MahalanobisHead,
}

# Of networks that need none; no choice of the user's.
BUILT_IN: Mapping[str, Callable[..., Head]] = {"logit": LogitHead}

# Spelling in predictors of version 0.1.
RENAMED = {"neighbours": "neighbors", "normalise": "normalize"}


def rebuild_head(entry: Mapping[str, Value], width: int) -> Head:
    """Return the head that an entry describes, without its weights.

    Raises:
        UserError: there is no head of that name.
        TypeError: it has no such options.

    >>> head = rebuild_head({"name": "cosine", "scale": 20.0}, width=8)
    >>> head.entry
    {'name': 'cosine', 'scale': 20.0}
    """
    options = {RENAMED.get(key, key): value for key, value in entry.items()}
    name = RENAMED.get(str(options["name"]), options["name"])
    del options["name"]
    known = {**HEADS, **BUILT_IN}
    if name not in known:
        raise UserError(f"head={name}: expected one of {', '.join(HEADS)}")
    return known[str(name)](width=width, **options)


def takes_stages(entry: Mapping[str, Value]) -> bool:
    """Return whether an entry is of a head on the stages of a network that is not trained.

    >>> takes_stages({"name": "logistic"}), takes_stages({"name": "linear"})
    (True, False)
    """
    return bool(getattr(HEADS.get(str(entry.get("name"))), "takes_stages", False))


__all__ = [
    "BUILT_IN",
    "HEADS",
    "CosineHead",
    "Entry",
    "Head",
    "HypersphereHead",
    "LinearHead",
    "LogisticHead",
    "LogitHead",
    "MahalanobisHead",
    "NeighborsHead",
    "OneClassHead",
    "minority_label",
    "rebuild_head",
    "takes_stages",
]
