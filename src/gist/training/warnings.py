"""Signs that a training goes wrong, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_LITTLE_VARIETY = 0.25
_NOT_BEFORE_KIMG = 20.0
_OVERFITTING = 0.5
_ALWAYS_REAL = 0.9


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


def overfitting(on_hold_out: float | None, means: Mapping[str, float], *, adaptive: bool) -> str | None:
    """The discriminator learns its training images by heart.

    Args:
        on_hold_out: `SnapshotScore.overfitting` where a hold-out was scored.
        means: statistics since the last line of the log.
        adaptive: whether augmentation adapts, which answers the sign of the logits by itself.
    """
    if on_hold_out is not None and on_hold_out > _OVERFITTING:
        return (
            f"The discriminator judges held-out radiographs more like generated ones than like its training images "
            f"({on_hold_out:.0%} of the way): it learns them by heart. More images, train.augment=radiograph, a "
            "pretrained start or an earlier snapshot help."
        )
    if not adaptive and means.get("real_sign", 0.0) > _ALWAYS_REAL:
        return (
            "The discriminator is sure of nearly every training image, and no augmentation holds it back: it "
            "probably overfits. Set train.augment=radiograph or use an earlier snapshot."
        )
    return None
