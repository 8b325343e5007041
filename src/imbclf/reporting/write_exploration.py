"""The files of an exploration: page, numbers, pairs of duplicates, groups of them."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imbclf.data.exploration.facts import facts
from imbclf.data.exploration.result import Exploration
from imbclf.data.reading.write_listing import write_listing
from imbclf.reporting.exploration_report import exploration_page
from imbclf.utils.files import write_text
from imbclf.utils.tables import write_table


def write_exploration(found: Exploration, out: Path, seed: int, groups: bool = False) -> None:
    """Write `explore.html`, `explore.json` and `near_duplicates.csv` into a folder.

    Args:
        found: what `explore` found.
        out: the folder.
        seed: of the sample images on the page.
        groups: whether to write `groups.csv`, too, which keeps duplicates together.
    """
    write_listing(found.listing, out)
    write_table(out / "near_duplicates.csv", duplicate_pairs(found))
    if groups:
        write_groups(found, out / "groups.csv")
    else:
        (out / "groups.csv").unlink(missing_ok=True)  # an overwritten exploration's
    exploration_page(found, seed).write(out / "explore.html")
    write_text(out / "explore.json", json.dumps(facts(found), indent=2) + "\n")


def duplicate_pairs(found: Exploration) -> dict[str, NDArray[np.generic]]:
    """Return columns `[P]` of each pair: files, where, kind, bits, likeness and both labels."""
    pairs, test = found.pairs, found.test_pairs
    names, labels = np.array(found.listing.label_names), found.labels
    blocks = [(pairs, found.listing.files[pairs.second], "train", names[labels[pairs.second]])]
    if test is not None and found.test_listing is not None:
        files = found.test_listing.files[test.second - len(found.listing)]
        blocks.append((test, files, "test", np.full(len(test), "")))
    rows = [
        {
            "file": found.listing.files[part.first],
            "other": others,
            "other_in": np.full(len(part), where),
            "kind": np.where(part.exact, "exact", "near"),
            "bits": part.bits,
            "likeness": part.similarity.round(4),
            "label": names[labels[part.first]],
            "other_label": other_labels,
        }
        for part, others, where, other_labels in blocks
    ]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def write_groups(found: Exploration, path: Path) -> None:
    """Write a table of file, label (the user's name of it) and group that `data.labels` takes."""
    listing = found.listing
    labels = np.array(listing.label_names)[found.labels]
    columns = {"file": listing.files, "label": labels, "group": found.groups}
    if listing.parts is not None:
        columns["part"] = listing.parts
    write_table(path, columns)
