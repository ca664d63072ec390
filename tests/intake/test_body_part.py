"""What all DICOM files say they show is known of the set; what they do not agree on, or is no code, is not."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

import gist
from gist.phantoms import write_phantom_data_set
from gist.progress import Silent


@pytest.mark.parametrize(
    ("first", "others", "known"),
    [
        ("KNEE", "KNEE", "KNEE"),
        ("CHEST ", "CHEST", "CHEST"),
        ("HAND", "KNEE", None),
        ("", "KNEE", None),
        ("KNEE A MEIER", "KNEE A MEIER", None),
    ],
)
def test_the_part_of_the_body_is_known_where_all_files_agree(
    folder: Path, first: str, others: str, known: str | None
) -> None:
    source = folder / "films"
    write_phantom_data_set(source, count=6, seed=0, progress=Silent())
    for number, file in enumerate(sorted(source.rglob("*.dcm"))):
        film = pydicom.dcmread(file)
        film.BodyPartExamined = others if number else first
        film.save_as(file)
    result = gist.prepare(source, folder / "run", resolution=32, label_source="none")
    assert result.body_part == known
    written = "".join(
        each.read_text("utf-8") for each in (folder / "run").rglob("*") if each.suffix in (".json", ".csv")
    )
    assert "MEIER" not in written
