"""PNG rows inflated before Pillow sees the file: no picture and no refusal may depend on it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from radiograph_files import picture
from test_mutations import mutate

from gist.intake.picture import ToneSettings
from gist.intake.png_rows import with_stored_rows
from gist.intake.raster import open_raster
from gist.stages.vocabulary import Reason, SetAside

SIDE = 64
MOST_PIXELS = 1 << 16


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack("!I", len(content)) + kind + content + struct.pack("!I", zlib.crc32(kind + content))


def saved(mode: str = "L", **options: Any) -> bytes:
    grey = picture(1, SIDE)
    image = Image.fromarray(grey.astype(np.uint16) * 257 if mode == "I;16" else grey.astype(np.uint8))
    buffer = io.BytesIO()
    (image if mode == "I;16" else image.convert(mode)).save(buffer, format="PNG", **options)
    return buffer.getvalue()


def rebuilt(
    change: Callable[[bytes], bytes], between: bytes = b"", size: tuple[int, int] = (SIDE, SIDE)
) -> bytes:
    """A grey PNG whose deflated rows have gone through `change`, with chunks before and after them."""
    rows = b"".join(b"\2" + line.tobytes() for line in picture(1, SIDE).astype(np.uint8))
    header = struct.pack("!IIBBBBB", *size, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), between, chunk(b"IDAT", change(rows)), between, chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def outcome(png: bytes) -> object:
    """What becomes of a file: its greys, size and remarks, or why not."""
    try:
        header, decode = open_raster(png, MOST_PIXELS)
        decoded = decode(ToneSettings("auto", (0.5, 99.5), MOST_PIXELS))
    except SetAside as aside:
        return aside.reason
    except Exception:
        return Reason.DAMAGED
    return decoded.grey.tobytes(), header, decoded.remarks


@pytest.mark.parametrize("mode", ["L", "I;16", "RGB", "LA", "RGBA", "P", "1"])
def test_stored_rows_show_the_same_picture(mode: str) -> None:
    png = saved(mode)
    stored = with_stored_rows(png)
    assert len(stored) > len(png)
    assert outcome(stored) == outcome(png)
    assert not isinstance(outcome(png), Reason)


def test_rows_in_many_pieces_and_what_follows_them_are_kept() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    png = saved(exif=exif)
    start = png.index(b"IDAT") - 4
    (length,) = struct.unpack_from("!I", png, start)
    rows = png[start + 8 : start + 8 + length]
    pieces = b"".join(chunk(b"IDAT", rows[at : at + 100]) for at in range(0, length, 100))
    behind = png[start + 12 + length :]
    turned = png[:start] + pieces + png[33:start] + behind  # the orientation once more, behind the rows
    stored = with_stored_rows(turned)
    assert stored.count(b"IDAT") == 1
    assert outcome(stored) == outcome(turned) == outcome(png)


ODD: dict[str, bytes] = {
    "wrong checksum": rebuilt(lambda rows: zlib.compress(rows)[:-1] + b"\0"),
    "no checksum": rebuilt(lambda rows: zlib.compress(rows)[:-4]),
    "more behind": rebuilt(lambda rows: zlib.compress(rows) + b"more"),
    "a row too many": rebuilt(lambda rows: zlib.compress(rows + rows[: SIDE + 1])),
    "a byte too few": rebuilt(lambda rows: zlib.compress(rows[:-1])),
    "a row too few": rebuilt(lambda rows: zlib.compress(rows[: -SIDE - 1])),
    "unknown row filter": rebuilt(lambda rows: zlib.compress(b"\7" + rows[1:])),
    "not zlib": rebuilt(lambda rows: zlib.compress(rows)[2:]),
    "no rows": rebuilt(lambda _: b""),
    "a text chunk that fails its check": rebuilt(zlib.compress, between=chunk(b"tEXt", b"a\0b")[:-1] + b"?"),
    "no width": rebuilt(zlib.compress, size=(0, SIDE)),
    "another width": rebuilt(zlib.compress, size=(SIDE - 1, SIDE)),
    "more pixels than allowed": rebuilt(lambda _: zlib.compress(bytes(300 * 299)), size=(298, 300)),
    "interlaced": saved()[:28] + b"\1" + saved()[29:],
    "cut behind the rows": saved()[:-14],
    "nothing": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_odd_ends_as_it_would_have_ended(kind: str) -> None:
    assert outcome(with_stored_rows(ODD[kind])) == outcome(ODD[kind])


def test_mutated_files_end_as_they_would_have_ended() -> None:
    rng = np.random.default_rng(5)
    changed = 0
    for png in (saved(), saved("I;16"), saved("P"), rebuilt(zlib.compress, between=chunk(b"tEXt", b"k\0v"))):
        for _ in range(100):
            broken = mutate(png, rng)
            stored = with_stored_rows(broken)
            changed += stored != broken
            assert outcome(stored) == outcome(broken)
    assert changed > 10


def test_a_small_file_that_inflates_to_gigabytes_is_not_inflated() -> None:
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    png = rebuilt(lambda _: bomb)
    assert with_stored_rows(png) is png
