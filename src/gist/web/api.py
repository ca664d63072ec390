"""The same for scripts: JSON under `/api`, described by `/api/openapi.json`; `Authorization: Bearer TOKEN`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Path, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from gist.web import forms
from gist.web.access import asks
from gist.web.files import download
from gist.web.projects import Project, Workspace
from gist.web.uploads import MOST_AT_ONCE, Announced, Piece, Standing

router = APIRouter(prefix="/api", dependencies=[Depends(asks)])


def workspace_of(request: Request) -> Workspace:
    workspace: Workspace = request.app.state.workspace
    return workspace


def project_of(request: Request, name: str) -> Project:
    """The project that an address names."""
    return workspace_of(request).project(name)


Chosen = Annotated[Project, Depends(project_of)]


class Title(BaseModel):
    title: Annotated[str, Field(max_length=200)]


class Kind(BaseModel):
    kind: Literal["look", "run"]


class Brought(BaseModel):
    received: int


class Status(BaseModel):
    """Where a project stands."""

    name: str
    stages: list[dict[str, Any]]
    running: bool
    in_line: int | None
    """Jobs before its own; None where it has none."""
    ended: dict[str, Any] | None
    """How its last job ended."""
    uploads: Standing


def status_of(project: Project) -> Status:
    stages, running = project.look()
    place, ended = project.in_line(), project.ended()
    return Status(
        name=project.name,
        stages=[{"stage": s.stage, "state": s.state, "why": s.why, "result": s.result} for s in stages],
        running=running,
        in_line=None if place is None else place[0],
        ended=None if ended is None else ended.model_dump(),
        uploads=project.uploads.standing(),
    )


@router.get("/projects")
def list_projects(request: Request) -> list[str]:
    """Names of all projects."""
    return workspace_of(request).names()


@router.post("/projects", status_code=201)
def create_project(request: Request, wanted: Title) -> Status:
    """A new project."""
    return status_of(workspace_of(request).create(wanted.title))


@router.get("/projects/{name}")
def project_status(project: Chosen) -> Status:
    """Where a project stands, as `gist status` tells."""
    return status_of(project)


@router.post("/projects/{name}/uploads")
def announce(
    project: Chosen, files: Annotated[list[Announced], Body(max_length=MOST_AT_ONCE)]
) -> list[Piece]:
    """Notes which files will come, and tells how much of each is there."""
    return project.uploads.announce(files)


@router.put("/projects/{name}/uploads/{key}/{offset}")
async def bring(request: Request, project: Chosen, key: str, offset: Annotated[int, Path(ge=0)]) -> Brought:
    """The next bytes of a file; tells how many are on disk for good."""
    data = await request.body()
    return Brought(received=await run_in_threadpool(project.uploads.add, key, offset, data))


@router.get("/projects/{name}/settings")
def settings(project: Chosen) -> dict[str, Any]:
    """All settings as they are."""
    return project.config().model_dump(mode="json")


@router.patch("/projects/{name}/settings")
def change_settings(project: Chosen, typed: dict[str, str]) -> dict[str, Any]:
    """Changes settings by dotted name, as typed after `--set`; an empty text sets the default."""
    project.change(forms.changes(typed, project))
    return settings(project)


@router.post("/projects/{name}/jobs", status_code=202)
def start(project: Chosen, wanted: Kind) -> Status:
    """Puts a job into line: look (prepare and plan) or run (all stages)."""
    project.start(wanted.kind)
    return status_of(project)


@router.delete("/projects/{name}/jobs", status_code=202)
def stop(project: Chosen) -> Status:
    """Asks the project's work to stop; starting again continues it."""
    project.stop()
    return status_of(project)


@router.get("/projects/{name}/plan")
def plan(project: Chosen) -> dict[str, Any] | None:
    """What will be done, how long it takes and what to expect; null before a look."""
    return project.plan()


@router.get("/projects/{name}/files/{file}", response_class=FileResponse)
def file(project: Chosen, file: str) -> FileResponse:
    """A result: report, data, synthetic, model-card or data-card."""
    return download(project, file)
