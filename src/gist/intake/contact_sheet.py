"""Small pictures side by side, for a look at what a class holds."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from gist.images.png import encode_png
from gist.images.sheets import as_bytes

MOST_PICTURES = 48
_THUMBNAIL = 96
_GAP = 2


def contact_sheet(pngs: Sequence[bytes]) -> bytes:
    """A PNG of up to MOST_PICTURES square pictures on a dark grid."""
    pictures = pngs[:MOST_PICTURES]
    columns = min(8, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    with Image.open(io.BytesIO(pngs[0])) as first:
        mode, dark = ("RGB", (40, 40, 40)) if first.mode == "RGB" else ("L", 40)
    sheet = Image.new(mode, (_GAP + columns * (_THUMBNAIL + _GAP), _GAP + rows * (_THUMBNAIL + _GAP)), dark)
    for number, png in enumerate(pictures):
        with Image.open(io.BytesIO(png)) as picture:
            small = Image.fromarray(as_bytes(np.asarray(picture)))
        small = small.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BICUBIC)
        row, column = divmod(number, columns)
        sheet.paste(small, (_GAP + column * (_THUMBNAIL + _GAP), _GAP + row * (_THUMBNAIL + _GAP)))
    return encode_png(np.asarray(sheet))
