"""The numbers of an exploration, as `explore.json` holds them."""

from typing import Any

import numpy as np

from imbclf.data.exploration.color_statistics import IMAGENET_DEVIATION, IMAGENET_MEAN
from imbclf.data.exploration.duplicates import Duplicates
from imbclf.data.exploration.extra_columns import column_facts
from imbclf.data.exploration.fold_leakage import FoldLeakage
from imbclf.data.exploration.result import Exploration
from imbclf.data.image_headers import Trait, trait_rows, traits
from imbclf.data.reading.summary import listing_summary
from imbclf.utils.version import __version__


def facts(found: Exploration) -> dict[str, Any]:
    """Return the contents of `explore.json`: numbers only, under keys that stay the same."""
    listing, labels, kinds = found.listing, found.labels, file_traits(found)
    counts = np.bincount(labels, minlength=2).tolist()
    return {
        "version": __version__,
        "dir": str(listing.root),
        "images": len(listing),
        "listing": listing_summary(listing),
        "unreadable": found.unreadable,
        "label_names": list(listing.label_names),
        "class_counts": counts,
        "imbalance_ratio": max(counts) / min(counts),
        "formats": trait_rows(kinds["Format"], "format"),
        "modes": trait_rows(kinds["Mode"], "mode"),
        "sizes": trait_rows(kinds["Size"], "height_x_width"),
        "looked_at": {"height_width": list(found.pixels.shape[1:3]), "resized": found.resized},
        "gray": found.colors.gray,
        "channels": {
            "mean": found.colors.mean.tolist(),
            "deviation": found.colors.deviation.tolist(),
            "imagenet_mean": list(IMAGENET_MEAN),
            "imagenet_deviation": list(IMAGENET_DEVIATION),
        },
        "duplicates": _duplicates(found),
        "blank_images": listing.files[found.blank].tolist(),
        "columns": column_facts(found.columns, labels),
        "test": _test_duplicates(found),
        "groups": len(np.unique(found.groups)),
        "folds": None if found.folds is None else _fold_leakage(found.folds),
        "seconds": found.seconds,
    }


def _duplicates(found: Exploration) -> dict[str, Any]:
    pairs, contradictions = found.pairs, found.contradictions
    return {
        **_kinds(pairs),
        "images": len(np.unique([pairs.first, pairs.second])),
        "within_labels": int((~contradictions).sum()),
        "across_labels": int(contradictions.sum()),
        "exact_across_labels": int((contradictions & pairs.exact).sum()),
        "likeness": found.likeness,
        "largest_group": found.largest_group,
        "largest_group_share": found.largest_group / len(found.listing),
    }


def _test_duplicates(found: Exploration) -> dict[str, Any] | None:
    if found.test_pairs is None or found.test_listing is None:
        return None
    return {
        "dir": str(found.test_listing.root),
        "images": len(found.test_listing),
        "duplicates": len(np.unique(found.test_pairs.second)),
        **_kinds(found.test_pairs),
    }


def _kinds(pairs: Duplicates) -> dict[str, int]:
    return {"exact_pairs": int(pairs.exact.sum()), "near_pairs": int((~pairs.exact).sum())}


def _fold_leakage(folds: FoldLeakage) -> dict[str, int | None]:
    return {
        "folds": folds.folds,
        "torn_pairs": folds.split_pairs,
        "tested_beside_a_duplicate": folds.affected_images,
        "torn_pairs_with_groups": folds.split_pairs_with_groups,
    }


def file_traits(found: Exploration) -> dict[str, list[Trait]]:
    """Return the counts of file formats, color modes and sizes (height x width) by label."""
    values = {
        "Format": [header.format for header in found.headers],
        "Mode": [header.mode for header in found.headers],
        "Size": [f"{header.height} x {header.width}" for header in found.headers],
    }
    return {name: traits(column, found.labels) for name, column in values.items()}
