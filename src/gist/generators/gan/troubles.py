"""Signs in the discriminator's own numbers that a training goes wrong, in words."""

from __future__ import annotations

from collections.abc import Mapping

_ALWAYS_REAL = 0.9


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
