"""Scoring a study: its answers against its sealed key, with the margin that was set before the first answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gist.errors import InputError
from gist.files import write_atomic, write_json
from gist.pages.words import joined
from gist.reader.protocol import protocol
from gist.reader.result import Score
from gist.reader.scoring import score_tables
from gist.reader.study.folder import KEY_FILE, STUDY_FILE, Study, read_study
from gist.reader.tables import read_tables

SCORE_FILE, PROTOCOL_FILE = "score.json", "protocol.html"


@dataclass(frozen=True)
class ScoredStudy:
    """A study and what came of it."""

    folder: Path
    study: Study
    score: Score


def score_study(folder: Path | str) -> Score:
    """Scores the answers in a study's folder and writes `score.json` and the protocol beside them.

    Raises:
        InputError: the study, its key or its answers were changed, or there are no answers yet.
    """
    folder = Path(folder)
    study = read_study(folder)
    if not (folder / KEY_FILE).is_file():
        raise InputError(
            f"The key of the study in {folder} lies elsewhere; put {KEY_FILE} back when all have read."
        )
    files = sorted((folder / "answers").glob("*.csv"))
    if not files:
        raise InputError(f"Nobody has read the study in {folder} yet; `gist reader serve {folder}` opens it.")
    tables = read_tables(files, folder / KEY_FILE)
    strangers = set(tables.readers) - set(study.readers)
    if strangers:
        raise InputError(
            f"{joined(sorted(strangers))} is no reader of the study in {folder}; its answers are of another study, "
            "or were changed by hand."
        )
    found = score_tables(tables, study.margin, set_beforehand=True)
    absent = [reader for reader in study.readers if reader not in tables.readers]
    if absent:
        found = found.model_copy(update={"notes": (f"Not read by {joined(absent)}.", *found.notes)})
    write_json(folder / SCORE_FILE, found.model_dump(mode="json"))
    write_atomic(folder / PROTOCOL_FILE, protocol(folder, study, found).encode())
    return found


def scored_studies(place: Path) -> Iterator[ScoredStudy]:
    """The studies of a run, or of a synthetic set of it, that were scored and have not been changed since, by name."""
    for file in sorted(place.glob(f"reader/*/{STUDY_FILE}")):
        try:
            score = Score.model_validate_json((file.parent / SCORE_FILE).read_text(encoding="utf-8"))
            yield ScoredStudy(file.parent, read_study(file.parent), score)
        except (OSError, ValueError, InputError):
            continue
