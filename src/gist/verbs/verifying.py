"""Whether image files are synthetic, by the marks that they carry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gist.errors import InputError
from gist.progress import Progress, Silent

if TYPE_CHECKING:
    from gist.marking.verification import Verified

_SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".dcm"}


def verify(
    files: Iterable[Path | str],
    *,
    run: Path | str | None = None,
    fingerprints: Sequence[Path | str] = (),
    progress: Progress | None = None,
) -> list[Verified]:
    """Looks in image files, and in all of a folder, for every mark of a synthetic image; needs no network.

    Args:
        run: a run folder in whose tables of fingerprints, its other sets' too, the pictures are looked up.
        fingerprints: other such tables.

    Raises:
        InputError: no such file or table, or a folder without images; of a file that is no image the result tells.
    """
    from gist.marking.fingerprint import Fingerprints
    from gist.marking.verification import verify as verify_file

    tables = [Fingerprints(Path(table)) for table in (*fingerprints, *_tables(run))]
    listed = _listed([Path(file) for file in files])
    progress = progress or Silent()
    found = []
    for number, file in enumerate(listed, start=1):
        found.append(verify_file(file, tables))
        progress.advance(number, len(listed), "images")
    return found


def _tables(run: Path | str | None) -> list[Path]:
    if run is None:
        return []
    from gist.runs.pipeline import open_run

    folder = open_run(run)[0]
    places = [folder.folder_of("generate"), *(each.folder_of("generate") for each in folder.sets())]
    tables = [table for place in places if (table := place / "fingerprints.csv").is_file()]
    if not tables:
        raise InputError(
            f"{folder.path} holds no table of fingerprints; run `gist generate {folder.path}` first."
        )
    return tables


def _listed(files: Sequence[Path]) -> list[Path]:
    listed: list[Path] = []
    for file in files:
        if not file.exists():
            raise InputError(f"There is no {file}; give image files or folders of them.")
        inside = [file]
        if file.is_dir():
            inside = sorted(each for each in file.rglob("*") if each.suffix.lower() in _SUFFIXES)
            if not inside:
                raise InputError(f"{file} holds no images; give a folder of PNG, JPEG, TIFF or DICOM files.")
        listed += inside
    return listed
