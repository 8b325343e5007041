"""The risk-coverage curve against a loop."""

import numpy as np
import pytest

from helpers.gaussians import draw
from imbclf.errors import UserError
from imbclf.metrics.error_rates import error_rates
from imbclf.metrics.risk_coverage import doubtful_width, risk_coverage


def test_the_curve_is_that_of_deciding_the_surest_images_alone() -> None:
    scores, labels = draw(0, 40, 90, distance=1.5)
    scores = scores - 0.7
    curve = risk_coverage(scores, labels)
    order = np.argsort(np.abs(scores))
    for count in (0, 1, 13, 40, 100):
        kept = order[count:]
        far, frr = error_rates((scores[kept] >= 0).astype(int), labels[kept])
        assert curve.referred[count] == pytest.approx(count / 130)
        assert (curve.far[count], curve.frr[count]) == (pytest.approx(far), pytest.approx(frr))
        assert curve.hter[count] == pytest.approx((far + frr) / 2)
    assert np.isnan(curve.hter[-1])  # of one label nothing is left


@pytest.mark.parametrize("share", [0.001, 0.1, 0.33, 0.999])
def test_the_width_refers_the_share_that_was_asked_for(share: float) -> None:
    scores = draw(1)[0] - 2.0
    width = doubtful_width(scores, share)
    referred = int(((scores >= -width) & (scores < width)).sum())
    assert referred == min(max(1, round(share * 1200)), 1199)
    assert np.abs(scores)[(scores >= -width) & (scores < width)].max() < width


def test_a_share_out_of_range_is_refused() -> None:
    for share in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(UserError, match=r"refer=.*expected a share above 0 and below 1"):
            doubtful_width([0.0, 1.0], share)
