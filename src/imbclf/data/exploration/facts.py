"""The numbers of an exploration, as `explore.json` holds them."""

from typing import Any

import numpy as np

from imbclf.data.exploration.color_statistics import IMAGENET_DEVIATION, IMAGENET_MEAN
from imbclf.data.exploration.extra_columns import column_facts
from imbclf.data.exploration.result import Exploration
from imbclf.data.image_headers import Trait, trait_rows, traits
from imbclf.data.reading.summary import listing_summary
from imbclf.utils.version import __version__


def facts(found: Exploration) -> dict[str, Any]:
    """Return the contents of `explore.json`: numbers only, under keys that stay the same."""
    listing, pairs, labels = found.listing, found.pairs, found.labels
    counts = np.bincount(labels, minlength=2).tolist()
    contradictions, kinds = found.contradictions, file_traits(found)
    test = None
    if found.test_pairs is not None and found.test_listing is not None:
        test = {
            "dir": str(found.test_listing.root),
            "images": len(found.test_listing),
            "duplicates": len(np.unique(found.test_pairs.second)),
            "exact_pairs": int(found.test_pairs.exact.sum()),
            "near_pairs": int((~found.test_pairs.exact).sum()),
        }
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
        "duplicates": {
            "exact_pairs": int(pairs.exact.sum()),
            "near_pairs": int((~pairs.exact).sum()),
            "images": len(np.unique([pairs.first, pairs.second])),
            "within_labels": int((~contradictions).sum()),
            "across_labels": int(contradictions.sum()),
            "exact_across_labels": int((contradictions & pairs.exact).sum()),
            "likeness": found.likeness,
            "largest_group": found.largest_group,
            "largest_group_share": found.largest_group / len(listing),
        },
        "blank_images": listing.files[found.blank].tolist(),
        "columns": column_facts(found.columns, labels),
        "test": test,
        "groups": len(np.unique(found.groups)),
        "folds": None
        if found.folds is None
        else {
            "folds": found.folds.folds,
            "torn_pairs": found.folds.split_pairs,
            "tested_beside_a_duplicate": found.folds.affected_images,
            "torn_pairs_with_groups": found.folds.split_pairs_with_groups,
        },
        "seconds": found.seconds,
    }


def file_traits(found: Exploration) -> dict[str, list[Trait]]:
    """Return the counts of file formats, color modes and sizes (height x width) by label."""
    values = {
        "Format": [header.format for header in found.headers],
        "Mode": [header.mode for header in found.headers],
        "Size": [f"{header.height} x {header.width}" for header in found.headers],
    }
    return {name: traits(column, found.labels) for name, column in values.items()}
