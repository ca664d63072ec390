"""The side of the squares, where the user leaves it to gist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Literal

from gist.errors import InputError
from gist.intake.geometry import Fit, covered_pixels
from gist.stages.prepare import RESOLUTIONS

LARGEST_ON_GPU = 256
LARGEST_ON_CPU = 64


@dataclass(frozen=True)
class Choice:
    """A resolution and why."""

    side: int
    reason: str


def choose_resolution(
    sizes: Sequence[tuple[int, int]], fit: Fit, allow_upsampling: bool, device: Literal["auto", "cpu", "cuda"]
) -> Choice:
    """The largest power of two not above the median short side, within what the device carries.

    Smaller images do not lower it: they are set aside unless enlarging is allowed, and the reason says how many.
    `sizes` are (height, width) of the images looked at, at least one.

    Raises:
        InputError: half of the images or more are too small for the smallest resolution.
    """
    on_gpu = device == "cuda" or (device == "auto" and _has_gpu())
    most = LARGEST_ON_GPU if on_gpu else LARGEST_ON_CPU
    middle = median_low([min(size) for size in sizes])
    fitting = [side for side in RESOLUTIONS if side <= middle]
    if not fitting and not allow_upsampling:
        raise InputError(
            f"The images are mostly smaller than {RESOLUTIONS[0]} pixels (median short side {middle}); bring larger "
            "ones, or set prepare.allow_upsampling=true and prepare.resolution."
        )
    by_images = fitting[-1] if fitting else RESOLUTIONS[0]
    side = min(by_images, most)
    if side < by_images:
        place = "GPU" if on_gpu else "CPU"
        reason = f"the most that training on a {place} is worth by default; the images allow {by_images}"
    else:
        reason = f"the largest power of two that the images carry; their median short side is {middle} pixels"
    smaller = sum(covered_pixels(*size, fit) < side for size in sizes)
    if smaller:
        fate = "are enlarged" if allow_upsampling else "are set aside"
        reason += f"; {smaller} of the {len(sizes)} looked at are smaller and {fate}"
    return Choice(side, f"Resolution {side}x{side}: {reason}.")


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
