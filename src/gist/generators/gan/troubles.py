"""Signs in the discriminator's own numbers that a training goes wrong, in words."""

from __future__ import annotations

from collections.abc import Mapping

_ALWAYS_REAL = 0.9
_OVERFITTING = 0.5


def sure_of_all(means: Mapping[str, float], *, adaptive: bool) -> str | None:
    """The discriminator is sure of its training images, and nothing holds it back.

    Args:
        means: statistics since the last line of the log.
        adaptive: whether augmentation adapts, which answers the sign of the logits by itself.
    """
    if adaptive or means.get("real_sign", 0.0) <= _ALWAYS_REAL:
        return None
    return (
        "The discriminator is sure of nearly every training image, and no augmentation holds it back: it "
        "probably overfits. Set train.augment=radiograph or use an earlier snapshot."
    )


def knows_by_heart(means: Mapping[str, float]) -> str | None:
    """The discriminator knows its training images by heart, as held-out ones show."""
    on_hold_out = means.get("overfitting", 0.0)
    if on_hold_out <= _OVERFITTING:
        return None
    return (
        f"The discriminator judges held-out images more like generated ones than like its training images "
        f"({on_hold_out:.0%} of the way): it learns them by heart. More images, train.augment=radiograph, a "
        "pretrained start or an earlier snapshot help."
    )
