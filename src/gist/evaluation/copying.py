"""What the search for near-copies says about copying, and no more than that.

The evaluate stage counts over all synthetic images; the pairs on the page only illustrate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gist.evaluation.scores import NEAR_COPIES
from gist.stages.evaluate import EvaluateResult

Outcome = Literal[
    "evidence of copying",
    "not settled",
    "none detected by this check",
    "too few images to tell",
    "not counted over all images",
]
_OUTCOMES: dict[str, Outcome] = {
    "none found": "none detected by this check",
    "fair": "not settled",
    "poor": "evidence of copying",
    "unknown": "too few images to tell",
}


@dataclass(frozen=True)
class CopyingVerdict:
    """The outcome and the sentence that explains it."""

    outcome: Outcome
    images: int
    """Synthetic images that were searched."""
    identical: int | None
    """Those that cannot be told from a training image; None where nobody counted them."""
    explanation: str


def copying_verdict(evaluate: EvaluateResult | None) -> CopyingVerdict | None:
    """The verdict of an evaluation; None where there is none, or it had too few training images to search."""
    score = None if evaluate is None else next((s for s in evaluate.scores if s.name == NEAR_COPIES), None)
    if evaluate is None or score is None:
        return None
    if evaluate.identical_images is None:
        return CopyingVerdict(
            "not counted over all images",
            score.n_synthetic,
            None,
            "This evaluation is of an earlier version, which looked for exact copies among a few images only; "
            "run `gist evaluate` again.",
        )
    return CopyingVerdict(
        _OUTCOMES[score.verdict], score.n_synthetic, evaluate.identical_images, score.meaning
    )
