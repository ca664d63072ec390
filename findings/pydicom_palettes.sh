#!/usr/bin/env bash
# Expected: a DICOM palette (PS3.3 C.7.6.3.1.5) may have up to 65,536 entries of 8 bits, also an odd number of them, which
# the rule of even lengths then fills up by a byte; and a palette in segments (C.7.9.2.3) may repeat earlier segments, whose
# place is given in bytes, as the standard says, for entries of 8 and of 16 bits alike. pydicom's apply_color_lut, which
# follows the rest of these sections, is expected to give the entry of each stored value.
#
# Found: (1) with entries of 8 bits and stored values beyond 255 the value itself is cut to 8 bits before it is clipped: a
# wrong colour, and no word. (2) An odd number of entries of 8 bits is refused, the depth being 8.03 instead of 8. (3) With
# entries of 16 bits the place of repeated segments is counted in words, so that twice as far on another segment is read:
# wrong colours, or a refusal. With entries of 8 bits the same palette is right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip -q install pydicom==3.0.2 numpy==2.4.6 2>/dev/null

cat >check.py <<'PY'
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_color_lut
from pydicom.uid import ExplicitVRLittleEndian

print("pydicom", pydicom.__version__)


def colours(values, descriptor, table, segmented=""):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "PALETTE COLOR", 0
    for colour in ("Red", "Green", "Blue"):
        name = f"{colour}PaletteColorLookupTable"
        dataset.add_new(f"{name}Descriptor", "US", descriptor)
        dataset.add_new(f"{segmented}{name}Data", "OW", table)
    try:
        return apply_color_lut(np.array([values]), dataset)[0, :, 0].tolist()
    except ValueError as error:
        return f"refuses: {error}"


def repeating(unit, top):
    """Two entries, a line of four to zero, an entry; then the line once more, which begins at the entry before it."""
    pair, line = np.array([0, 2, 7, top], unit), np.array([1, 4, 0], unit)
    one = np.array([0, 1, top], unit)
    again = np.array([2, 1], unit).tobytes() + pair.nbytes.to_bytes(4, "little")
    return pair.tobytes() + line.tobytes() + one.tobytes() + again


ramp = (np.arange(4096) // 16).astype(np.uint8)
values = np.array([0, 100, 255, 256, 1000, 4095], np.uint16)
eleven = np.arange(11, dtype=np.uint8)
tries = {
    "4096 entries of 8 bits": (colours(values, [4096, 0, 8], ramp.tobytes()), ramp[values].tolist()),
    "the same in 16 bits": (
        colours(values, [4096, 0, 16], (ramp.astype("<u2") * 257).tobytes()),
        (ramp[values].astype(int) * 257).tolist(),
    ),
    "256 entries of 8 bits": (colours(eleven, [256, 0, 8], bytes(range(256))), eleven.tolist()),
    "255 entries and a byte of filling": (colours(eleven, [255, 0, 8], bytes(range(255)) + b"\0"), eleven.tolist()),
    "segments of 8 bits, one repeated": (
        colours(eleven, [11, 0, 8], repeating("<u1", 200), "Segmented"),
        [7, 200, 150, 100, 50, 0, 200, 150, 100, 50, 0],
    ),
    "segments of 16 bits, one repeated": (
        colours(eleven, [11, 0, 16], repeating("<u2", 40000), "Segmented"),
        [7, 40000, 30000, 20000, 10000, 0, 40000, 30000, 20000, 10000, 0],
    ),
}
for name, (found, right) in tries.items():
    print(f"\n{name}: {'right' if found == right else 'WRONG'}\n  found    {found}\n  standard {right}")
wrong = [name for name, (found, right) in tries.items() if found != right]
print()
if wrong != ["4096 entries of 8 bits", "255 entries and a byte of filling", "segments of 16 bits, one repeated"]:
    raise SystemExit(f"The behaviour has changed: {wrong}")
print("As found: valid palettes are read wrong or refused; look values up in the table oneself.")
PY
venv/bin/python check.py
