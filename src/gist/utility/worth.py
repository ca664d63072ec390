"""How many real images the synthetic ones are worth: where GAN-train meets the curve of real subsets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from gist.stages.utility import SyntheticWorth
from gist.utility.bootstrap import Repeats


def synthetic_worth(
    classifier: str,
    images: int,
    sizes: Sequence[int],
    curve: Sequence[float],
    curve_repeats: Sequence[Repeats],
    gan_train: float,
    gan_train_repeats: Repeats,
) -> SyntheticWorth:
    """Reads the number of real images that teach as much as the synthetic ones do, with a 95 % interval.

    `sizes` ascend and end with all real images of the Base arm; `curve` holds balanced accuracies. Between sizes
    the curve is a straight line over the logarithm of the size, made never to fall (isotonic regression).
    Outside the sizes tried nothing is extrapolated: an end of the interval is then None.
    """
    repeats = np.stack(curve_repeats, axis=1)
    rise_low = float(np.quantile(repeats[:, -1] - repeats[:, 0], 0.025))
    read = np.array(
        [_size_at(level, sizes, row) for level, row in zip(gan_train_repeats, repeats, strict=True)]
    )
    # Whole steps of the sorted repeats, since the ends of the curve stand at plus and minus infinity.
    low, high = np.quantile(read, [0.025, 0.975], method="nearest")
    value = _size_at(gan_train, sizes, np.asarray(curve, np.float64))
    told = rise_low > 0 and not (low == -np.inf and high == np.inf)
    return SyntheticWorth(
        classifier=classifier,
        images=images,
        sizes=tuple(sizes),
        curve=tuple(curve),
        gan_train=gan_train,
        value=round(value) if told and np.isfinite(value) else None,
        low=round(low) if told and np.isfinite(low) else None,
        high=round(high) if told and np.isfinite(high) else None,
        told=told,
        meaning=_in_words(images, sizes, value, low, high, told, rise_low > 0),
    )


def _size_at(level: float, sizes: Sequence[int], curve: NDArray[np.float64]) -> float:
    """Real images at which the curve reaches `level`; minus infinity below the curve, infinity above it."""
    rising = isotonic_regression(curve).x
    if level < rising[0]:
        return -np.inf
    if level > rising[-1]:
        return np.inf
    return float(np.exp(np.interp(level, rising, np.log(sizes))))


def _in_words(
    images: int, sizes: Sequence[int], value: float, low: float, high: float, told: bool, rising: bool
) -> str:
    synthetic = f"{images:,} synthetic images"
    if not rising:
        return (
            f"What {synthetic} are worth cannot be told: with {sizes[0]:,} real images the classifier learned not "
            f"measurably less than with {sizes[-1]:,}, so there is no scale to read from."
        )
    if not told:
        return (
            f"What {synthetic} are worth cannot be told: the interval reaches from fewer than {sizes[0]:,} real "
            f"images to more than {sizes[-1]:,}, the range that was tried."
        )
    if high == -np.inf:
        return f"{synthetic} teach less than {sizes[0]:,} real images, the fewest that were tried."
    if low == np.inf:
        return f"{synthetic} teach more than {sizes[-1]:,} real images, the most that were tried."
    about = (
        f"about {round(value):,} real images"
        if np.isfinite(value)
        else f"fewer than {sizes[0]:,} real images"
        if value < 0
        else f"more than {sizes[-1]:,} real images"
    )
    least = f"fewer than {sizes[0]:,}" if low == -np.inf else f"{round(low):,}"
    most = f"more than {sizes[-1]:,}" if high == np.inf else f"{round(high):,}"
    return f"{synthetic} are worth {about} (95 % interval {least} to {most})."
