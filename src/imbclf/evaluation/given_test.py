"""The test part that the user made: judged once, at the end, by the ensemble."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imbclf.data.listing import Listing
from imbclf.evaluation.looks import caution, count_look
from imbclf.evaluation.probability_quality import probability_quality
from imbclf.evaluation.summary import pooled_report
from imbclf.evaluation.training_images import find_shared
from imbclf.prediction.manifest import PREDICTOR
from imbclf.prediction.predictor import Predictor
from imbclf.utils.tables import write_table
from imbclf.utils.text import text_table

TEST_TABLE = "test.csv"


@dataclass(frozen=True, eq=False)
class GivenTest:
    """The decoded images of a test part.

    Attributes:
        listing: the images, with their labels.
        pixels: uint8 `[N, H, W, 3]`.
    """

    listing: Listing
    pixels: NDArray[np.uint8]


def judge_given_test(
    run: Path,
    test: GivenTest,
    device: torch.device,
    precision: str | int,
    batch_size: int,
    cache_dir: str,
) -> dict[str, Any]:
    """Judge the run's ensemble as it decides on new images; write `test.csv`.

    Args:
        run: the run directory, all folds of which are finished.
        test: images that took no part in the run.
        device: where to compute.
        precision: one that networks are scored in.
        batch_size: images at once.
        cache_dir: folder of the decoded images, where looks at the test part are counted.

    Returns:
        What `summary.json` has as `test`.

    Raises:
        UserError: the predictor is damaged.
    """
    predictor, listing = Predictor.load(run / PREDICTOR), test.listing
    answer = predictor.predict_pixels(test.pixels, device, precision, batch_size, progress=True)
    labels = listing.known_labels
    report = pooled_report(answer.scores, labels, listing.label_names, listing.groups)
    columns: dict[str, Any] = {"file": listing.files, "label": labels, "score": answer.scores}
    columns["decision"] = answer.decisions
    if listing.groups is not None:
        columns["group"] = listing.groups
    write_table(run / TEST_TABLE, columns)
    shared = find_shared(run, listing, test.pixels)
    report["probability"] = probability_quality(answer.probabilities, labels)
    report["models"] = len(predictor.fold_models)
    report["looks"] = count_look(listing, answer.decisions, cache_dir, run)
    return report if shared is None else {**report, "shared_with_training": dict(shared.counts)}


def side_by_side(summary: Mapping[str, Any]) -> str:
    """Return the out-of-fold result and that of the test part, a row each.

    >>> rates = {"hter": 0.1, "far": 0.12, "frr": 0.08, "auroc": 0.95}
    >>> result = {**rates, "hter_interval": [0.08, 0.13], "images": 200, "models": 5}
    >>> print(side_by_side({**result, "images": 600, "test": result}))
                      images    HTER  95 % interval        FAR     FRR   AUROC
    out of fold          600  0.1000  0.0800 to 0.1300  0.1200  0.0800  0.9500
    given test part      200  0.1000  0.0800 to 0.1300  0.1200  0.0800  0.9500
    <BLANKLINE>
    On the given test part nothing was trained or chosen; it is judged once, by the 5 fold models \
together.
    """
    head = ("", "images", "HTER", "95 % interval", "FAR", "FRR", "AUROC")
    rows: list[tuple[str, ...]] = [head]
    for name, result in (("out of fold", summary), ("given test part", summary["test"])):
        low, high = result["hter_interval"]
        rates = (f"{result[rate]:.4f}" for rate in ("far", "frr", "auroc"))
        interval = f"{low:.4f} to {high:.4f}"
        rows.append((name, f"{result['images']:,}", f"{result['hter']:.4f}", interval, *rates))
    looks = summary["test"].get("looks", 1)
    return (
        f"{text_table(rows, '<16  >6  >6  <16  >6  >6  >6')}\n\n"
        "On the given test part nothing was trained or chosen; it is judged once, by the "
        f"{summary['test']['models']} fold models together."
        + (f"\nThis is look {looks} at its images: {caution(looks)}." if looks > 1 else "")
    )
