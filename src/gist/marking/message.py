"""Bytes with check bytes that mend a wrong one: Reed-Solomon over GF(256) (Reed & Solomon 1960), distance 4.

The field is that of x^8 + x^4 + x^3 + x^2 + 1 (0x11d), the generator's roots are 1, 2 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence

CHECK_BYTES = 3
PAYLOAD_BYTES = 4

_EXP = [1]
for _ in range(254):
    _EXP.append(_EXP[-1] << 1 ^ (0x11D if _EXP[-1] & 0x80 else 0))
_LOG = {value: power for power, value in enumerate(_EXP)}


def _times(a: int, b: int) -> int:
    return _EXP[(_LOG[a] + _LOG[b]) % 255] if a and b else 0


def with_checks(payload: bytes) -> bytes:
    """The payload with three check bytes behind it."""
    generator = [1]
    for power in range(CHECK_BYTES):
        shifted = [*generator, 0]
        for at, factor in enumerate(generator):
            shifted[at + 1] ^= _times(factor, _EXP[power])
        generator = shifted
    rest = [*payload, *bytes(CHECK_BYTES)]
    for at in range(len(payload)):
        head = rest[at]
        for offset, factor in enumerate(generator):
            rest[at + offset] ^= _times(head, factor)
    return payload + bytes(rest[len(payload) :])


def mended(word: Sequence[int]) -> bytes | None:
    """The payload of a word of which at most one byte is wrong; None where more are, but for one word in 10,000."""
    syndromes = []
    for power in range(CHECK_BYTES):
        value = 0
        for byte in word:
            value = _times(value, _EXP[power]) ^ byte
        syndromes.append(value)
    found = bytearray(word)
    if any(syndromes):
        if not all(syndromes):
            return None
        step = (_LOG[syndromes[1]] - _LOG[syndromes[0]]) % 255
        if step >= len(word) or (_LOG[syndromes[2]] - _LOG[syndromes[1]]) % 255 != step:
            return None
        found[len(word) - 1 - step] ^= syndromes[0]
    return bytes(found[:-CHECK_BYTES])
