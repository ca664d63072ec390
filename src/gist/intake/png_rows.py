"""PNG files with their rows inflated in one go.

Pillow inflates row by row, and for the short rows of small pictures inflating is several times slower that way than
for all rows at once. So the rows are inflated here and handed to Pillow in the same file, merely stored.
"""

from __future__ import annotations

import struct

from isal import isal_zlib

_MOST_BYTES = 1 << 20
"""Larger pictures have longer rows, of which Pillow makes short work."""
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Colour type -> samples per pixel (ISO/IEC 15948, 11.2.2)."""
_FIRST_CHUNK = 8
_MOST_STORED = 0xFFFF


def with_stored_rows(png: bytes) -> bytes:
    """The same picture, its IDAT chunks made one of stored blocks; what is large, interlaced or odd stays as it is."""
    try:
        width, height, bits, colour, _, _, interlaced = struct.unpack_from("!IIBBBBB", png, 16)
        size = height * (1 + (width * bits * _SAMPLES[colour] + 7) // 8)
        if interlaced or size > _MOST_BYTES:
            return png
        start, stop, deflated = _rows(png)
        inflate = isal_zlib.decompressobj()
        rows = inflate.decompress(deflated, size + 1)
    except Exception:  # whatever is odd about the file, Pillow is to judge it
        return png
    if len(rows) != size or not inflate.eof:
        return png
    stored = _chunk(b"IDAT", _stored(rows))
    return b"".join((png[:start], stored, png[stop:]))


def _rows(png: bytes) -> tuple[int, int, bytes]:
    """Where the first IDAT chunk starts and the last one stops, and what they hold."""
    start, position = 0, _FIRST_CHUNK
    parts = []
    while True:
        length, kind = struct.unpack_from("!I4s", png, position)
        if kind == b"IDAT":
            start = start or position
            parts.append(png[position + 8 : position + 8 + length])
        elif parts:
            return start, position, b"".join(parts)
        position += 12 + length


def _stored(rows: bytes) -> bytes:
    """A zlib stream without compression (RFC 1950, RFC 1951 3.2.4)."""
    parts = [b"\x78\x01"]
    for start in range(0, len(rows), _MOST_STORED):
        block = rows[start : start + _MOST_STORED]
        last = start + _MOST_STORED >= len(rows)
        parts += [struct.pack("<BHH", last, len(block), len(block) ^ _MOST_STORED), block]
    parts.append(struct.pack("!I", isal_zlib.adler32(rows)))
    return b"".join(parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = isal_zlib.crc32(content, isal_zlib.crc32(kind))
    return b"".join((struct.pack("!I", len(content)), kind, content, struct.pack("!I", checksum)))
