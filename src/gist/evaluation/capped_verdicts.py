"""Distances read poor where the pictures are wrong, however small the distance.

The yardsticks are slight blurs, and features that see sharpness punish these so hard that a set of shapeless but
crisp pictures lies nearer to real ones than real ones lie to themselves after a blur of one pixel. So a distance
counts only where single images and their variety stand up too.
"""

from __future__ import annotations

from collections.abc import Sequence

from gist.evaluation.scores import NEAR_COPIES
from gist.stages.evaluate import ArtifactSummary, Score

NEARLY_ALL = 0.9
"""Share of odd images at which the whole set is called odd."""


def capped(scores: Sequence[Score], artifacts: ArtifactSummary | None) -> list[Score]:
    """The scores, with good and fair distances of a group lowered to poor where its images or variety are."""
    odd: list[str] = []
    if artifacts is not None and artifacts.verdict == "poor" and artifacts.odd_share >= NEARLY_ALL:
        count = round(artifacts.odd_share * artifacts.images)
        percent = 100 * (1 - artifacts.real_level)
        odd = [f"{count} of {artifacts.images} images look odder than {percent:g} % of real ones"]
    return [_capped(score, [*_failings(score.group, scores), *odd]) for score in scores]


def _failings(group: str, scores: Sequence[Score]) -> list[str]:
    poor = [
        kind
        for kind in ("precision", "recall")
        for score in scores
        if score.group == group and score.verdict == "poor" and score.name.startswith(f"{kind}[")
    ]
    return [f"{' and '.join(poor)} {'reads' if len(poor) == 1 else 'read'} poor"] if poor else []


def _capped(score: Score, failings: list[str]) -> Score:
    is_distance = score.better == "lower" and score.name != NEAR_COPIES
    if not failings or not is_distance or score.verdict not in ("good", "fair"):
        return score
    why = " and ".join(failings)
    return score.model_copy(
        update={
            "verdict": "poor",
            "meaning": f"{score.meaning} It reads poor all the same, since {why}.",
        }
    )
