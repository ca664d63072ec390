"""How strongly to augment: raised while the discriminator overfits, lowered while it does not."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gist.errors import InputError, StageError


@dataclass(frozen=True)
class AdaSettings:
    """How p follows overfitting (Karras et al. 2020, section 3.1). InputError for impossible values."""

    target: float = 0.6
    """Wanted mean sign of the discriminator's logits for real images; higher means overfitting."""
    kimg_to_full: float = 500.0
    """Thousands of images in which p goes from 0 to 1 at most."""
    p_max: float = 0.85
    """Upper bound of p: from about here on generated images start to show the transformations."""
    interval: int = 4
    """Batches between two changes of p."""
    fixed_p: float | None = None
    """If given, p stays at this value."""

    def __post_init__(self) -> None:
        if not -1 <= self.target <= 1:
            raise InputError(f"Augmentation target is {self.target:g}; give a number from -1 to 1.")
        if not self.kimg_to_full > 0:
            raise InputError(f"Augmentation kimg_to_full is {self.kimg_to_full:g}; give a number above 0.")
        if not 0 <= self.p_max <= 1:
            raise InputError(f"Augmentation p_max is {self.p_max:g}; give a number from 0 to 1.")
        if self.interval < 1:
            raise InputError(f"Augmentation interval is {self.interval}; give a whole number from 1.")
        if self.fixed_p is not None and not 0 <= self.fixed_p <= 1:
            raise InputError(
                f"Fixed augmentation probability is {self.fixed_p:g}; give a number from 0 to 1."
            )


class AdaController:
    """Adaptive augmentation probability p, from the sign of the discriminator's logits for real images."""

    def __init__(
        self,
        target: float = 0.6,
        kimg_to_full: float = 500.0,
        p_max: float = 0.85,
        interval: int = 4,
        *,
        fixed_p: float | None = None,
    ) -> None:
        self.settings = AdaSettings(target, kimg_to_full, p_max, interval, fixed_p)
        self._p = 0.0
        self._sign_sum = 0.0
        self._images = 0
        self._batches = 0

    @property
    def p(self) -> float:
        """Probability of each transformation now."""
        return self._p if self.settings.fixed_p is None else self.settings.fixed_p

    def update(self, sign_of_real_logits_mean: float, images_since: int) -> float:
        """Takes one batch's mean of sign(D(real)), over all ranks, and its number of images; returns p.

        Every `interval` batches p moves by images / (1000 kimg_to_full) towards more augmentation if the mean
        sign over their images is above the target, towards less if below, within 0 and p_max. Raises
        StageError when the mean sign is no number from -1 to 1.
        """
        if not -1 <= sign_of_real_logits_mean <= 1:
            raise StageError(
                f"The mean sign of the discriminator's logits is {sign_of_real_logits_mean:g}, not from -1 to"
                " 1; its logits are no longer numbers, so continue from the last good checkpoint."
            )
        self._sign_sum += sign_of_real_logits_mean * images_since
        self._images += images_since
        self._batches += 1
        if self._batches >= self.settings.interval:
            excess = self._sign_sum - self.settings.target * self._images
            step = self._images / (1000 * self.settings.kimg_to_full)
            direction = (excess > 0) - (excess < 0)
            self._p = min(max(self._p + direction * step, 0.0), self.settings.p_max)
            self._sign_sum, self._images, self._batches = 0.0, 0, 0
        return self.p

    @property
    def saturated(self) -> str | None:
        """A sentence for the user once p has reached its bound, else None."""
        if self.p < self.settings.p_max or self.p == 0:
            return None
        cause = (
            "The discriminator still overfits although augmentation is at its bound"
            if self.settings.fixed_p is None
            else "Augmentation is fixed at or above its recommended bound"
        )
        return (
            f"{cause} (p = {self.p:.2f}): generated images may show the augmentations themselves, such as"
            " tilted, shifted or unusually bright pictures; add training images,"
            " or keep an earlier snapshot, and compare samples with the picture of the strongest"
            " augmentation."
        )

    def state(self) -> dict[str, float | int]:
        """What an exact continuation needs, ready for JSON."""
        return {"p": self._p, "sign_sum": self._sign_sum, "images": self._images, "batches": self._batches}

    def restore(self, state: Mapping[str, float | int]) -> None:
        """Continues from `state()`, p at most the present p_max. Raises InputError if it is damaged."""
        try:
            p, sign_sum = float(state["p"]), float(state["sign_sum"])
            images, batches = int(state["images"]), int(state["batches"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "The checkpoint's augmentation state is damaged; use an earlier checkpoint."
            ) from error
        if not (0 <= p <= 1 and math.isfinite(sign_sum) and abs(sign_sum) <= images and batches >= 0):
            raise InputError("The checkpoint's augmentation state is damaged; use an earlier checkpoint.")
        self._p = min(p, self.settings.p_max)
        self._sign_sum, self._images, self._batches = sign_sum, images, batches
