"""Whether a run's source is a folder that `write_phantom_data_set` wrote."""

import csv
from pathlib import Path

from gist.phantoms.data_set import LABEL_COLUMNS, TRUTH_COLUMNS
from gist.phantoms.dicom_export import PATIENT_PREFIX


def is_phantom_data_set(folder: Path, images: int) -> bool:
    """Whether the folder's table lists phantoms only, and enough of them for so many images."""
    try:
        with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            if tuple(table.fieldnames or ()) != LABEL_COLUMNS + TRUTH_COLUMNS:
                return False
            patients = [row["patient_id"] or "" for row in table]
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return len(patients) >= images and all(name.startswith(PATIENT_PREFIX) for name in patients)
