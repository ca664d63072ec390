"""The columns of records.csv, and the part of a row that the picture itself gives."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from gist.intake.decode_job import Accepted

_FILE_COLUMNS = ("width", "height", "bits", "type", "modality", "view", "enlarged", "remarks")
_FACT_COLUMNS = ("mean_grey", "contrast", "sharpness", "text")
"""`text` holds a box of four numbers for each line found: top, left, bottom, right in pixels of the square."""
PLACE_COLUMNS = ("image", "split", "class", "file", "patient", "near_copy_of")
PICTURE_COLUMNS = (*_FILE_COLUMNS, *_FACT_COLUMNS)


def picture_part(accepted: Accepted) -> str:
    """The values of PICTURE_COLUMNS as they are written."""
    facts = accepted.facts
    assert facts is not None  # every decoded picture has been measured
    values = (
        accepted.width,
        accepted.height,
        accepted.bits,
        accepted.type,
        accepted.modality or "",
        facts.view or "",
        "yes" if accepted.enlarged else "no",
        "; ".join(accepted.remarks),
        facts.mean_grey,
        facts.contrast,
        facts.sharpness,
        "; ".join(f"{box.top} {box.left} {box.bottom} {box.right}" for box in facts.text),
    )
    return csv_line(values)


def csv_line(values: Iterable[object]) -> str:
    """A row of a table, without the end of its line."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()
