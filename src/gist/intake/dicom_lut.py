"""Look-up tables of DICOM (PS3.3 C.11.1.1.1), as the standard and as some careless writers have them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from gist.intake.grey_window import Doubles
from gist.stages.vocabulary import Reason, SetAside


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
        first = self.first - (1 << 16) if self.first >= 1 << 15 and values.min() < 0 else self.first
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
    entries, first, bits = (int(number) for number in items[0].LUTDescriptor)
    entries = entries or 1 << 16
    data = items[0].LUTData
    if isinstance(data, bytes):
        wide = len(data) >= 2 * entries
        order = ">" if dataset.original_encoding[1] is False else "<"
        table = np.frombuffer(data, dtype=f"{order}u2" if wide else np.uint8)
    else:
        table = np.atleast_1d(np.asarray(data))
    table = np.asarray(table[:entries], dtype=np.float64)
    if table.size < entries or not 1 <= bits <= 16:
        raise SetAside(Reason.DAMAGED)
    return Lut(table, first, bits)
