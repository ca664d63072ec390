"""Signs that a training goes wrong, in words."""

from __future__ import annotations

from collections.abc import Sequence

_LITTLE_VARIETY = 0.25
_NOT_BEFORE_KIMG = 20.0


def collapse(varieties: Sequence[float], kimg: float, advice: str) -> str | None:
    """The generated images have become, or stay, much more alike than the real ones.

    Args:
        varieties: of all snapshots so far, oldest first, as shares of the real images' variety.
        kimg: of the last one.
        advice: how to train again, such as `Learner.against_collapse`.
    """
    if not varieties or varieties[-1] >= _LITTLE_VARIETY:
        return None
    has_fallen = max(varieties) >= 2 * varieties[-1] and max(varieties) >= _LITTLE_VARIETY
    if not has_fallen and kimg < _NOT_BEFORE_KIMG:
        return None
    return (
        f"The generated images vary only {varieties[-1]:.0%} as much as the real ones, which looks like a collapse: "
        f"look at the newest grid, use an earlier snapshot, and train again {advice}."
    )
