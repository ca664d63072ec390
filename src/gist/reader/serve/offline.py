"""The reader's page as one HTML file, for hospitals where nothing may be installed."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from markupsafe import Markup

from gist.errors import InputError
from gist.files import write_atomic
from gist.pages.html import embedded, html
from gist.reader.serve.answers import COLUMNS
from gist.reader.serve.page import SHARED_SCRIPTS, STYLE, page_facts, session_facts
from gist.reader.study.folder import Study, levels, pictures_of, read_study


def write_files(folder: Path, reader: str | None = None) -> list[Path]:
    """Writes `offline/READER.html` of one reader, or of all; the key is in none of them.

    Raises:
        InputError: there is no study in the folder, or it has no such reader.
    """
    study = read_study(folder)
    if reader not in (None, *study.readers):
        raise InputError(f"The study has no reader '{reader}'; its readers are {', '.join(study.readers)}.")
    script = embedded(*SHARED_SCRIPTS, "gist.reader.serve/offline.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    tested = {image: _text(folder, study, pictures_of(study, image)) for image in study.tested}
    shown = [_text(folder, study, [f"reference/{one.image}.png"]) for one in study.references]
    written = []
    for name in study.readers if reader is None else (reader,):
        session = session_facts(study, name) | {"order": study.order(name), "columns": COLUMNS}
        page = html(
            "gist.reader.serve/offline.html.j2",
            style=embedded(STYLE),
            script=script,
            script_hash=digest,
            session=session,
            tested=tested,
            shown=shown,
            **page_facts(study),
        )
        written.append(folder / "offline" / f"{name}.html")
        write_atomic(written[-1], page.encode())
    return written


def _text(folder: Path, study: Study, files: list[str]) -> Markup:
    """Grey levels as base64, in which nothing has to be escaped; uncompressed, so that all are equally long."""
    return Markup(base64.b64encode(levels(folder, study, files)).decode())
