"""Colours as sRGB, whatever a picture file stores them in (ICC.1, IEC 61966-2-1)."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gist.stages.vocabulary import Remark

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

_WITH_PROFILES = frozenset({"RGB", "CMYK", "LAB"})
"""Pillow's modes that a profile can speak of; all others become RGB first."""


def in_srgb(image: Image.Image) -> tuple[NDArray[np.uint8], list[Remark]]:
    """Pixels [H, W, 3] in sRGB of a picture of eight bits, by the profile that the file carries, and what was done.

    Without a profile, or with one that says nothing of such pixels, RGB is taken for sRGB.
    """
    profile = image.info.get("icc_profile") or b""
    if image.mode not in _WITH_PROFILES:
        image = image.convert("RGB")
    if not profile and image.mode != "LAB":
        return np.asarray(image.convert("RGB")), []
    transform = _to_srgb(profile, image.mode)
    if transform is None:
        return np.asarray(image.convert("RGB")), [Remark.PROFILE_UNUSABLE]
    return np.asarray(transform.apply(image)), [Remark.TO_SRGB] if profile else []


@lru_cache(maxsize=8)
def _to_srgb(profile: bytes, mode: str) -> ImageCmsTransform | None:
    """None where the profile is damaged, or is one of other colours than the picture's."""
    from PIL import ImageCms  # only pictures in colour pay for it

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else ImageCms.createProfile("LAB")
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
