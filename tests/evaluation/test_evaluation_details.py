"""What an evaluation shows beside its headline."""

from typing import Any

import pytest

from imbclf.evaluation.evaluation_details import evaluation_details

RATES = {"hter": 0.1, "hter_interval": [0.08, 0.13], "far": 0.12, "frr": 0.08, "auroc": 0.95}
DETECTION: dict[str, Any] = {
    "positive": 0,
    "prevalence": 0.1,
    **{
        name: value
        for rate in ("sensitivity", "specificity", "balanced_accuracy", "ppv", "npv")
        for name, value in ((rate, 0.9), (f"{rate}_interval", [0.8, 0.95]))
    },
}


@pytest.mark.parametrize("aimed", [False, True])
def test_the_out_of_fold_row_has_the_threshold_of_the_decisions(aimed: bool) -> None:
    evaluation: dict[str, Any] = {
        **RATES,
        "images": 500,
        "label_names": ["bad", "good"],
        "confusion": [[44, 6], [36, 414]],
        "detection": DETECTION,
        "out_of_fold": {**RATES, "images": 2000, "hter": 0.2, "far": 0.3, "frr": 0.1},
    }
    if aimed:
        evaluation["operating_point"] = {"far": 0.05, "frr": 0.25}
    last = evaluation_details(evaluation).split("\n\n")[-1].splitlines()
    here, out_of_fold = last[1].split(), last[2].split()
    assert here[-6:] == ["0.0800", "to", "0.1300", "0.1200", "0.0800", "0.9500"]
    if aimed:
        assert out_of_fold[-4:] == ["0.1500", "0.0500", "0.2500", "0.9500"]
        assert last[2].startswith("out of fold, same threshold")
    else:
        assert out_of_fold[-3:] == ["0.3000", "0.1000", "0.9500"]
        assert last[2].startswith("out of fold, score >= 0")
