"""Signs that a training goes wrong, in words."""

from __future__ import annotations

from collections.abc import Sequence

_LITTLE_VARIETY = 0.25
_NOT_BEFORE_KIMG = 20.0
_OVERFITTING = 0.5


def collapse(varieties: Sequence[float], kimg: float) -> str | None:
    """The generated images have become, or stay, much more alike than the real ones.

    Args:
        varieties: of all snapshots so far, oldest first, as shares of the real images' variety.
        kimg: of the last one.
    """
    if not varieties or varieties[-1] >= _LITTLE_VARIETY:
        return None
    has_fallen = max(varieties) >= 2 * varieties[-1] and max(varieties) >= _LITTLE_VARIETY
    if not has_fallen and kimg < _NOT_BEFORE_KIMG:
        return None
    return (
        f"The generated images vary only {varieties[-1]:.0%} as much as the real ones, which looks like a collapse: "
        "look at the newest grid, use an earlier snapshot, and train again with a higher train.gamma or from a "
        "pretrained network."
    )


def overfitting(on_hold_out: float) -> str | None:
    """The learner knows its training images by heart; `on_hold_out` is `SnapshotScore.overfitting`."""
    if on_hold_out <= _OVERFITTING:
        return None
    return (
        f"The discriminator judges held-out radiographs more like generated ones than like its training images "
        f"({on_hold_out:.0%} of the way): it learns them by heart. More images, train.augment=radiograph, a "
        "pretrained start or an earlier snapshot help."
    )
