"""Masks of a segmentation among the images: what names and pixels tell of them."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import PurePosixPath

import numpy as np

from gist.intake.picture import Tones

_WORD = r"(?:binary|segmentation|annotation|groundtruth|mask|seg|roi|gt|label)s?"
_AT_AN_END = re.compile(rf"[ _.-]+{_WORD}(?:[ _.-]*[0-9]+)?$|^{_WORD}[ _.-]+")
_FOLDER = re.compile(rf"(?:.*[ _.-])?{_WORD}(?:[ _.-].*)?")
_LOOKED_AT = 64
_EXTREME = 0.02
_SHARE = 0.98
_FEW_GREYS = 8


def named_as_masks(paths: Collection[str]) -> frozenset[str]:
    """Those of the paths that are called like the mask of another: case1_mask.png beside case1.png, masks/case1.png
    beside images/case1.jpg."""
    pictures, masks, of_masks = set(), {}, dict[str, bool]()
    for path in paths:
        folder, _, name = path.rpartition("/")
        stem = PurePosixPath(name).stem.casefold()
        bare = _AT_AN_END.sub("", stem)
        if folder not in of_masks:
            of_masks[folder] = any(_FOLDER.fullmatch(part.casefold()) for part in PurePosixPath(folder).parts)
        in_folder = of_masks[folder]
        if bare != stem or in_folder:
            masks[path] = bare
        else:
            pictures.add(stem)
    return frozenset(path for path, bare in masks.items() if bare in pictures)


def looks_like_a_mask(grey: Tones, named: bool) -> bool:
    """Whether hardly anything in a picture [H, W] lies between its darkest and its brightest grey; of one that is
    `named` like a mask, whether it has few greys at all."""
    height, width = grey.shape
    seen = grey[:: height // _LOOKED_AT + 1, :: width // _LOOKED_AT + 1].astype(np.float32)
    low, high = float(seen.min()), float(seen.max())
    between = np.minimum(seen - low, high - seen) > _EXTREME * (high - low)
    if np.count_nonzero(between) <= (1 - _SHARE) * between.size:
        return named or low < high
    return named and np.unique(seen).size <= _FEW_GREYS
