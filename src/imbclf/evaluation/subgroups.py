"""Error rates by the values of further columns (site, scanner, age), and whether they differ."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from natsort import natsorted
from numpy.typing import NDArray

from imbclf.data.listing import Listing
from imbclf.evaluation.decision_errors import decision_errors
from imbclf.metrics.homogeneity import homogeneity_p
from imbclf.metrics.significance import holm
from imbclf.utils.tables import write_table
from imbclf.utils.text import text_table

SUBGROUPS = "subgroups.csv"
FEWEST = 5  # images of a label, below which its rate is not told
MOST = 12  # values of a column that have a row; the others are taken together
SIGNIFICANT = 0.05
BLANK, OTHERS = "(blank)", "all other values"
RATES = {"hter": (0, 1), "far": (0,), "frr": (1,)}  # and the labels that each is about


def subgroup_report(
    decisions: NDArray[np.int64],
    labels: NDArray[np.int64],
    columns: Mapping[str, NDArray[np.str_]],
    clusters: NDArray[np.generic] | None = None,
    images: NDArray[np.generic] | None = None,
) -> list[dict[str, Any]]:
    """Return the errors by the values of each column, JSON-able.

    A column of numbers is cut at its quartiles if it has more than `MOST` of them; of other columns
    the rarest values are taken together. Rates of fewer than `FEWEST` images of a label are None.
    `p` is that of equal FAR and equal FRR for all values (`homogeneity_p`), adjusted for the number
    of columns by Holm's procedure.

    Args:
        decisions: `[N]`, 0 or 1.
        labels: `[N]`, 0 or 1.
        columns: `[N]` each, as written in the table, by name.
        clusters: `[N]`, which rows depend on each other; None: none do.
        images: `[N]`, which image each row is of, to count images once; None: each of another.
    """
    images = np.arange(len(labels)) if images is None else images
    binned = {name: bins(cells) for name, cells in columns.items()}
    p_values = holm(
        [homogeneity_p(decisions, labels, values, clusters) for values, _ in binned.values()]
    )
    return [
        {
            "column": name,
            "cut_at_quartiles": is_cut,
            "p": p,
            "values": _rows(decisions, labels, values, clusters, images),
        }
        for p, (name, (values, is_cut)) in zip(p_values, binned.items(), strict=True)
    ]


def bins(cells: NDArray[np.str_]) -> tuple[NDArray[np.str_], bool]:
    """Return the value of each cell `[N]` to report by, and whether numbers were cut at quartiles.

    >>> bins(np.array(["a", "", "b"]))
    (array(['a', '(blank)', 'b'], dtype='<U7'), False)
    >>> values, is_cut = bins(np.arange(100).astype(str))
    >>> sorted(Counter(values.tolist()).items())
    [('1: 0 to 24', 25), ('2: 25 to 49', 25), ('3: 50 to 74', 25), ('4: 75 to 99', 25)]
    """
    filled = np.where(cells == "", BLANK, cells)
    counts = Counter(filled[cells != ""].tolist())
    if len(counts) <= MOST:
        return filled, False
    numbers = _numbers(cells)
    if numbers is not None:
        return np.where(cells == "", BLANK, _quartiles(numbers)), True
    common = [value for value, _ in counts.most_common(MOST - 1)]
    return np.where(np.isin(filled, [*common, BLANK]), filled, OTHERS), False


def _numbers(cells: NDArray[np.str_]) -> NDArray[np.float64] | None:
    """Return cells as numbers, blank ones as NaN; None if one is no finite number."""
    try:
        numbers = np.array([float(cell) if cell else np.nan for cell in cells.tolist()])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers[cells != ""]).all() else None


def _quartiles(numbers: NDArray[np.float64]) -> NDArray[np.str_]:
    """Name the quarter that each number lies in by its least and its largest number."""
    edges = np.unique(np.nanquantile(numbers, [0.25, 0.5, 0.75], method="lower"))
    quarter = np.searchsorted(edges, numbers, side="left")
    names = np.full(len(numbers), BLANK, dtype="<U60")
    present = np.unique(quarter[~np.isnan(numbers)])
    for place, one in enumerate(present.tolist(), 1):
        own = numbers[quarter == one]
        own = own[~np.isnan(own)]
        names[quarter == one] = f"{place}: {own.min():g} to {own.max():g}"
    return names


def _rows(
    decisions: NDArray[np.int64],
    labels: NDArray[np.int64],
    values: NDArray[np.str_],
    clusters: NDArray[np.generic] | None,
    images: NDArray[np.generic],
) -> list[dict[str, Any]]:
    """Return class counts and error rates of each value; those cut at quartiles in their order."""
    last = [OTHERS, BLANK]
    names = natsorted(set(values.tolist()) - {*last}) + [one for one in last if one in values]
    rows = []
    for name in names:
        own = values == name
        counts = [len(np.unique(images[own & (labels == label)])) for label in (0, 1)]
        row: dict[str, Any] = {"value": name, "class_counts": counts}
        within = None if clusters is None else clusters[own]
        errors = decision_errors(decisions[own], labels[own], within)
        for rate, needed in RATES.items():
            is_told = all(counts[label] >= FEWEST for label in needed)
            row[rate] = errors[rate] if is_told else None
            row[f"{rate}_interval"] = errors[f"{rate}_interval"] if is_told else [None, None]
        rows.append(row)
    return rows


def out_of_fold_subgroups(
    run: Path,
    listing: Listing,
    rows: NDArray[np.int64],
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
) -> list[dict[str, Any]]:
    """Return `subgroup_report` of out-of-fold decisions; write the values to `subgroups.csv`.

    Args:
        run: the run directory.
        listing: the images, and which columns errors are reported by.
        rows: `[M]`, indices of images; with repeated folds an image has several rows.
        scores: `[M]`; 1 is decided where >= 0.
        labels: `[M]`, 0 or 1.
    """
    columns = {name: listing.columns[name] for name in listing.subgroups}
    write_table(run / SUBGROUPS, {"file": listing.files, **columns})
    is_repeated = len(np.unique(rows)) < len(rows)
    clusters: NDArray[np.generic] | None = rows if is_repeated else None
    if listing.groups is not None:
        clusters = listing.groups[rows]
    chosen = {name: cells[rows] for name, cells in columns.items()}
    decisions = (scores >= 0).astype(np.int64)
    return subgroup_report(decisions, labels, chosen, clusters, rows)


def homogeneity_text(column: Mapping[str, Any]) -> str:
    """Return whether the rates differ between the values of a column, as a sentence.

    >>> homogeneity_text({"column": "site", "p": 0.002, "cut_at_quartiles": False})
    'By site: error rates differ between values by more than chance explains (p = 0.0020)'
    """
    cut = " (numbers, cut at their quartiles)" if column["cut_at_quartiles"] else ""
    found = (
        "error rates differ between values by more than chance explains"
        if column["p"] < SIGNIFICANT
        else "no evidence that error rates differ between values"
    )
    return f"By {column['column']}{cut}: {found} (p = {column['p']:.4f})"


def subgroups_text(
    columns: Sequence[Mapping[str, Any]], names: Sequence[str], positive: int
) -> str:
    """Return a table for each column, for the terminal.

    Args:
        columns: as `subgroup_report`.
        names: the user's names of label 0 and label 1.
        positive: the label that is to be found, which sensitivity is about.
    """
    texts = []
    for column in columns:
        head = ("", names[0], names[1], "HTER", "95 % interval", "sensitivity", "specificity")
        rows = [head, *(cells(row, positive) for row in column["values"])]
        table = text_table(rows, "<8  >5  >5  >7  >16  >25  >25")
        texts.append(f"{homogeneity_text(column)}\n{table}")
    return "\n\n".join(texts)


def cells(row: Mapping[str, Any], positive: int) -> tuple[str, ...]:
    """Return a row of `subgroup_report` as text: value, counts, HTER, interval and both rates."""
    missed, alarms = ("frr", "far") if positive == 1 else ("far", "frr")
    zero, one = row["class_counts"]
    low, high = row["hter_interval"]
    hter = (
        ("too few", "")
        if row["hter"] is None
        else (f"{row['hter']:.4f}", f"{low:.4f} to {high:.4f}")
    )
    right = (_right(row[rate], row[f"{rate}_interval"]) for rate in (missed, alarms))
    return row["value"], f"{zero:,}", f"{one:,}", *hter, *right


def _right(rate: float | None, interval: Sequence[float]) -> str:
    if rate is None:
        return "too few"
    low, high = interval
    return f"{1 - rate:.4f} ({1 - high:.4f} to {1 - low:.4f})"
