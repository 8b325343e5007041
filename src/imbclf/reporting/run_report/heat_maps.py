"""Where the models look, in images that they were not trained on."""

import logging
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from imbclf.errors import UserError
from imbclf.models.saliency import smooth_gradients
from imbclf.prediction.fold_model_files import load_fold
from imbclf.reporting.run_report.report import Report

log = logging.getLogger("imbclf")


def heat_maps(
    report: Report, rows: NDArray[np.int64], seen_of: Mapping[int, NDArray[np.uint8]]
) -> tuple[dict[int, NDArray[np.float64]], str]:
    """Return for each image its heat map `[H, W]`, 0 to 1, and what went wrong, "" if nothing.

    Args:
        report: the run; each image is looked at by the fold model that tested it.
        rows: of `report.images`.
        seen_of: the images as the networks see them.
    """
    data = report.images
    heat_of: dict[int, NDArray[np.float64]] = {}
    try:
        for fold in np.unique(data.fold_of[rows]).tolist():
            own = rows[data.fold_of[rows] == fold].tolist()
            network = load_fold(data.run / "predictor", fold).network
            images = np.stack([seen_of[row] for row in own])
            maps = smooth_gradients(network, images, report.device)
            heat_of |= dict(zip(own, maps, strict=True))
    except (UserError, RuntimeError, AssertionError) as error:
        log.warning("report: heat maps are left out (%s)", error)
        return {}, f"Heat maps could not be computed for this network: {error}"
    return heat_of, ""
