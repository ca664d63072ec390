"""Groups of trials held against one of them: which differ beyond noise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gist.studies.curve import Repeats, bound, drawn
from gist.studies.result import Compared


def compared(groups: Mapping[str, Repeats], against: str) -> tuple[Compared, ...]:
    """KID of each group with its interval, and its difference to the group `against`.

    Draws and bounds as in `gist.studies.curve`, two-sided at 95 %; those of differences are widened for their number
    (Bonferroni). Where a group was run once, the noise between runs is unknown and nothing is called beyond it.
    """
    names = list(groups)
    repeats = [groups[name] for name in names]
    draws = drawn(repeats)
    means = np.array([np.mean([point.kid for point in group.values()]) for group in repeats])
    reference = names.index(against)
    sure = all(len(group) > 1 for group in repeats)
    of_one, of_all = (bound(repeats, 1 - 0.025 / number) for number in (1, max(len(names) - 1, 1)))
    found = []
    for at, name in enumerate(names):
        own = of_one * draws[:, at].std()
        apart = means[at] - means[reference]
        reach = of_all * (draws[:, at] - draws[:, reference]).std()
        found.append(
            Compared(
                group=name,
                repeats=len(groups[name]),
                kid=float(means[at]),
                low=float(means[at] - own),
                high=float(means[at] + own),
                difference=None
                if at == reference
                else (float(apart), float(apart - reach), float(apart + reach)),
                beyond_noise=bool(sure and abs(apart) > reach),
            )
        )
    return tuple(found)
