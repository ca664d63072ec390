#!/usr/bin/env bash
# Expected: a TIFF of 16-bit colour whose samples lie in planes one after the other (PlanarConfiguration 2, as tifffile
# writes arrays of shape [3, H, W]) is opened by Pillow as it opens other 16-bit colour: the upper eight bits of each
# sample, and whether the file is compressed makes no difference.
#
# Found: deflated it is. Not compressed it becomes another picture without an error or a warning: each byte is taken for a
# sample, so rows hold the lower and upper bytes of half a row in turn. In planes of 8 bits, and in pixels of 16, all is right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6 2>/dev/null

cat >check.py <<'PY'
import io
import warnings

import numpy as np
import PIL
import tifffile
from PIL import Image

warnings.simplefilter("error")
print("Pillow", PIL.__version__, "tifffile", tifffile.__version__)
deep = np.random.default_rng(0).integers(0, 65536, (3, 24, 32), np.uint16)


def share_of_samples_read_right(samples, planes, compression):
    """Of an array [3, H, W]; against the upper eight bits of 16, or all of 8."""
    file = io.BytesIO()
    laid_out, configuration = (samples, "separate") if planes else (np.moveaxis(samples, 0, 2), "contig")
    tifffile.imwrite(file, laid_out, photometric="rgb", planarconfig=configuration, compression=compression)
    file.seek(0)
    assert np.array_equal(tifffile.imread(file), laid_out)
    file.seek(0)
    right = np.moveaxis(samples if samples.dtype == np.uint8 else samples >> 8, 0, 2)
    with Image.open(file) as image:
        return float((np.asarray(image) == right).mean())


shares = {}
for bits, samples in ((8, (deep >> 8).astype(np.uint8)), (16, deep)):
    for planes in (False, True):
        for compression in (None, "zlib"):
            share = share_of_samples_read_right(samples, planes, compression)
            name = f"{bits} bits in {'planes' if planes else 'pixels'}, {'deflated' if compression else 'plain'}"
            shares[name] = share
            print(f"{name}: {share:.1%} of samples right, no error")
wrong = [name for name, share in shares.items() if share < 1]
if wrong != ["16 bits in planes, plain"]:
    raise SystemExit(f"The behaviour has changed: {wrong}")
print("As found: refuse 16-bit TIFF in planes, or read it by another library.")
PY
venv/bin/python check.py
