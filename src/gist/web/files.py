"""What a project gives away: files that are known by a word, and pictures by their number, never by a path."""

from __future__ import annotations

from pathlib import Path

from fastapi import HTTPException
from fastapi.responses import FileResponse

from gist.web.projects import Project

SANDBOX = "sandbox allow-popups; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""For pages that gist wrote into the run folder: their styles are inline, and no script runs whatever they hold."""
_FILES = {
    "report": ("report/report.html", "text/html", SANDBOX),
    "data": ("prepare/data.html", "text/html", SANDBOX),
    "synthetic": ("generate/synthetic.zip", "application/zip", None),
    "model-card": ("report/model_card.md", "text/markdown", None),
    "data-card": ("report/data_card.md", "text/markdown", None),
}
SHOWN = 24


def download(project: Project, word: str) -> FileResponse:
    """A result of the project.

    Raises:
        HTTPException: 404, there is none of this name, or not yet.
    """
    if word not in _FILES or not is_there(project, word):
        raise HTTPException(404, "This is not there yet; run the project first.")
    place, kind, policy = _FILES[word]
    name = None if kind == "text/html" else f"{project.name}-{Path(place).name}"
    headers = None if policy is None else {"Content-Security-Policy": policy}
    return FileResponse(project.run.path / place, media_type=kind, filename=name, headers=headers)


def is_there(project: Project, word: str) -> bool:
    return (project.run.path / _FILES[word][0]).is_file()


def pictures(project: Project, kind: str) -> list[Path]:
    """The pictures of the training, oldest first, or the first synthetic images."""
    if kind == "grids":
        return [
            p for p in sorted((project.run.path / "train" / "grids").glob("*.png")) if p.stem[-1:].isdigit()
        ]
    return sorted((project.run.path / "generate" / "images").rglob("*.png"))[:SHOWN]


def picture(project: Project, kind: str, number: int) -> FileResponse:
    """One of these pictures.

    Raises:
        HTTPException: 404, there are fewer.
    """
    found = pictures(project, kind)
    if not 0 <= number < len(found):
        raise HTTPException(404, "There is no such picture.")
    return FileResponse(found[number], media_type="image/png")
