"""Sizes that compressed pictures claim, read from a few bytes before any decoder is trusted with them.

A DICOM header may promise 64x64 while the JPEG 2000 stream inside asks for gigabytes, so the stream itself is
asked.
"""

from __future__ import annotations

from dataclasses import dataclass

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_WITHOUT_LENGTH = frozenset(range(0xD0, 0xD8)) | {0x01, 0xD8}
_LOSSLESS = frozenset({0xC3, 0xC7, 0xCB, 0xCF})


@dataclass(frozen=True)
class StreamHeader:
    """What a JPEG, JPEG-LS or JPEG 2000 stream says of itself."""

    height: int
    width: int
    components: int
    bits: int
    lossless_jpeg: bool = False

    @property
    def samples(self) -> int:
        return self.height * self.width * self.components


def stream_header(stream: bytes) -> StreamHeader | None:
    """The header of a compressed frame; None where it is no such stream or its header is broken."""
    if stream[:4] == b"\xff\x4f\xff\x51":
        return _jpeg_2000(stream)
    box = stream.find(b"jp2c", 0, 4096) if stream[4:8] == b"jP  " else -1
    if box >= 0:
        return _jpeg_2000(stream[box + 4 : box + 4096])
    if stream[:2] == b"\xff\xd8":
        return _jpeg(stream)
    return None


def _jpeg_2000(stream: bytes) -> StreamHeader | None:
    """SIZ marker segment, ISO/IEC 15444-1 A.5.1."""
    if len(stream) < 43 or stream[2:4] != b"\xff\x51":
        return None
    x_end, y_end, x_start, y_start = (int.from_bytes(stream[8 + 4 * i : 12 + 4 * i], "big") for i in range(4))
    components = int.from_bytes(stream[40:42], "big")
    if x_end <= x_start or y_end <= y_start or components == 0:
        return None
    return StreamHeader(y_end - y_start, x_end - x_start, components, (stream[42] & 0x7F) + 1)


def _jpeg(stream: bytes) -> StreamHeader | None:
    """First start-of-frame segment, ITU-T T.81 B.2.2 (JPEG) and T.87 C.2.2 (JPEG-LS)."""
    position = 2
    while position + 9 < len(stream):
        if stream[position] != 0xFF:
            return None
        marker = stream[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker in _WITHOUT_LENGTH:
            position += 2
        elif marker in _START_OF_FRAME:
            bits = stream[position + 4]
            height = int.from_bytes(stream[position + 5 : position + 7], "big")
            width = int.from_bytes(stream[position + 7 : position + 9], "big")
            return StreamHeader(height, width, stream[position + 9], bits, marker in _LOSSLESS)
        else:
            position += 2 + max(2, int.from_bytes(stream[position + 2 : position + 4], "big"))
    return None
