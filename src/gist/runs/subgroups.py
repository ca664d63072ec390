"""Categories of real images by which results are told apart, such as sex, age band, device and site."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError
from gist.images.archive import DataSet

SUBGROUP = "group:"
"""How their columns of records.csv begin."""


def read_subgroups(records: Path, data: DataSet, split: str) -> dict[str, NDArray[np.str_]]:
    """Column of `prepare.subgroup_columns` -> category [N] of each image of an archive, empty where none is known.

    Raises:
        InputError: the table of the prepare stage is missing or is another's.
    """
    try:
        with records.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            rows = {row["image"]: row for row in table if row["split"] == split}
            columns = [name for name in table.fieldnames or () if name.startswith(SUBGROUP)]
        return {
            name.removeprefix(SUBGROUP): np.array([rows[image][name] for image in data.names], str)
            for name in columns
        }
    except (OSError, KeyError):
        raise InputError(
            f"{records.name} of the prepare stage is missing or does not name every image; prepare again."
        ) from None
