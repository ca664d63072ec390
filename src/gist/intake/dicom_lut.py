"""Look-up tables of DICOM, as the standard and as some careless writers have them: of greys (PS3.3 C.11.1.1.1), and
palettes (C.7.6.3.1.5, C.7.9.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from gist.intake.grey_window import Doubles
from gist.intake.picture import palette_colour
from gist.stages.vocabulary import Reason, SetAside

_WORD = 1 << 16


@dataclass(frozen=True)
class Lut:
    """A table of entries."""

    table: Doubles
    first: int
    """Value that the first entry stands for."""
    bits: int
    """Of an entry, as declared."""

    def __call__(self, values: Doubles) -> Doubles:
        """The entry of each value; values outside the table take its first or last one."""
        # The first value is written unsigned by some although the pixels are signed.
        first = self.first - _WORD if self.first >= _WORD // 2 and values.min() < 0 else self.first
        index = np.clip(np.rint(values) - first, 0, self.table.size - 1).astype(np.intp)
        looked_up: Doubles = self.table[index]
        return looked_up

    @property
    def white(self) -> float:
        """The largest entry that the declared bits can hold, or the largest there is where these are far apart."""
        white, top = float((1 << self.bits) - 1), float(self.table.max())
        return white if white / 4 <= top <= 2 * white else max(top, 1.0)


def read_lut(dataset: Dataset, group: Dataset, name: str) -> Lut | None:
    """The first table of a sequence; None without one. Some writers leave items in that hold nothing.

    Raises:
        SetAside, TypeError, ValueError: the table is shorter than it declares, or makes no sense.
    """
    items = group.get(name)
    if not items or any(items[0].get(keyword) is None for keyword in ("LUTDescriptor", "LUTData")):
        return None
    entries, first, bits = _described(items[0].LUTDescriptor)
    table = _table(_little_endian(dataset, items[0].LUTData), entries)
    return Lut(table.astype(np.float64), first, bits)


def apply_palette(dataset: Dataset, pixels: NDArray[Any]) -> tuple[NDArray[np.uint16], int]:
    """Colour [H, W, 3] that the palette gives to stored values, and the bits of a sample.

    Raises:
        SetAside, TypeError, ValueError: a table is shorter than it declares, or makes no sense.
    """
    tables = []
    for colour in ("Red", "Green", "Blue"):
        name = f"{colour}PaletteColorLookupTable"
        entries, first, bits = _described(dataset[f"{name}Descriptor"].value)
        plain, segmented = (
            _little_endian(dataset, dataset.get(f"{kind}{name}Data")) for kind in ("", "Segmented")
        )
        tables.append(_expanded(segmented, entries) if plain is None else _table(plain, entries))
    # Signed and unsigned are mixed up here, too.
    least = -_WORD // 2 if dataset.PixelRepresentation == 1 else 0
    first = (first - least) % _WORD + least
    return palette_colour(pixels.astype(np.int64) - first, np.stack(tables), bits)


def _described(descriptor: Any) -> tuple[int, int, int]:
    """Entries, the value that the first one stands for, and the bits of one."""
    entries, first, bits = (int(number) for number in descriptor)
    if not 1 <= bits <= 16:
        raise SetAside(Reason.DAMAGED)
    return entries or _WORD, first, bits


def _little_endian(dataset: Dataset, data: Any) -> Any:
    """The words of a table; in bytes they have the order of the file."""
    swapped = isinstance(data, bytes) and dataset.original_encoding[1] is False and len(data) % 2 == 0
    return np.frombuffer(data, ">u2").astype("<u2").tobytes() if swapped else data


def _table(data: Any, entries: int) -> NDArray[np.uint16]:
    """Entries out of bytes, one or two for each whatever is declared, or out of numbers."""
    if isinstance(data, bytes):
        table = np.frombuffer(data, "<u2" if len(data) >= 2 * entries else np.uint8)
    else:
        table = np.atleast_1d(np.asarray(data))
    if table.size < entries:
        raise SetAside(Reason.DAMAGED)
    return table[:entries].astype(np.uint16)


def _expanded(data: bytes, entries: int) -> NDArray[np.uint16]:
    """Entries out of segments of words or bytes, whatever is declared: the wrong ones hardly ever make as many."""
    for unit in (np.dtype("<u2"), np.dtype(np.uint8)):
        table: list[int] = []
        try:
            _append_segments(
                np.frombuffer(data[: len(data) // unit.itemsize * unit.itemsize], unit), table, entries
            )
        except (IndexError, ValueError):
            continue
        if len(table) == entries:
            return np.array(table, np.uint16)
    raise SetAside(Reason.DAMAGED)


def _append_segments(
    data: NDArray[Any], table: list[int], entries: int, start: int = 0, count: int | None = None
) -> None:
    """Expands `count` segments from `start` on, or as many as it takes, onto the end of the table."""
    position, done = start, 0
    while len(table) < entries and done != count:
        kind, length = int(data[position]), int(data[position + 1])
        position, done = position + 2, done + 1
        if kind == 0:  # entries
            table += data[position : position + length].tolist()
            position += length
        elif kind == 1:  # a straight line from the entry before, which is not part of it, to a last one
            table += np.rint(np.linspace(table[-1], int(data[position]), length + 1))[1:].astype(int).tolist()
            position += 1
        elif kind == 2 and count is None:  # segments from elsewhere, in bytes from the start
            units = 4 // data.itemsize
            offset = int.from_bytes(data[position : position + units].tobytes(), "little")
            _append_segments(data, table, entries, offset // data.itemsize, length)
            position += units
        else:
            raise ValueError
