"""Whose each image of a run's archives is, by salted ids."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

from gist.errors import InputError
from gist.images.archive import DataSet

NO_PATIENT = "image "
"""How the own name of an image without a known patient begins."""


def read_patients(records: Path, data: DataSet, split: str) -> list[str]:
    """The salted patient id of each image of an archive; where none is known, a name of the image's own.

    Raises:
        InputError: the table of the prepare stage is missing or is another's.
    """
    try:
        with records.open(encoding="utf-8", newline="") as file:
            rows = {row["image"]: row["patient"] for row in csv.DictReader(file) if row["split"] == split}
        return [rows[name] or f"{NO_PATIENT}{hashlib.sha256(png).hexdigest()}"
                for name, png in zip(data.names, data.pngs, strict=True)]  # fmt: skip
    except (OSError, KeyError):
        raise InputError(
            f"{records.name} of the prepare stage is missing or does not name every image; prepare again."
        ) from None
