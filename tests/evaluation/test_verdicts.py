"""A verdict is grey where the images are too few to tell."""

from __future__ import annotations

import pytest

from gist.evaluation.meaning import share_meaning, share_verdict
from gist.evaluation.scores import wilson


@pytest.mark.parametrize(
    ("share", "baseline", "n", "verdict"),
    [
        (0.35, 0.5, 20, "unknown"),  # the interval reaches from 0.18 to 0.57
        (0.35, 0.5, 400, "fair"),
        (0.35, 0.8, 400, "poor"),
        (0.46, 0.5, 400, "good"),
        (0.65, 0.8, 20, "good"),  # the interval, 0.43 to 0.82, includes 0.8 and stays above half of it
        (0.3, 0.0, 400, "unknown"),
    ],
)
def test_a_share_is_grey_where_its_interval_reaches_from_poor_to_good(
    share: float, baseline: float, n: int, verdict: str
) -> None:
    low, high = wilson(share, n)
    found = share_verdict(share, baseline, low, high)
    assert found == verdict
    assert ("So few images" in share_meaning("precision", baseline, found)) == (found == "unknown")
