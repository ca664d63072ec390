"""The pages: one path from images to a report, a page for each step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import yaml
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse

from gist.config import sections
from gist.errors import InputError
from gist.pages.html import html
from gist.stages.promise import unusual_settings
from gist.web import files, forms
from gist.web.access import Access, Asks, Form, Visitor, asks
from gist.web.api import Chosen, workspace_of
from gist.web.projects import Project
from gist.web.uploads import Choice

STEPS = {
    "images": "Images",
    "data": "What is in them",
    "plan": "What will be done",
    "training": "At work",
    "results": "Results",
}
WORK = {
    "prepare": "Preparing the images",
    "train": "Training the generator",
    "generate": "Drawing synthetic images",
    "evaluate": "Comparing with real images",
    "utility": "Testing their use for training",
    "privacy": "Looking for copies of patients' images",
    "report": "Writing the report",
}
open_router = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse, dependencies=[Depends(asks)])


@open_router.get("/open")
def _open() -> HTMLResponse:
    """Where the printed link leads; its script sends what stands behind `#`, which is in no log and no history."""
    return HTMLResponse(html("gist.web/open.html.j2", title="Opening", visitor=None))


@open_router.post("/open")
def _enter(request: Request, typed: Form) -> Response:
    access: Access = request.app.state.access
    session = access.session(typed.get("token", ""))
    if session is None:
        raise HTTPException(
            401, "This link is of an earlier start; open the one that `gist serve` printed last."
        )
    answer = RedirectResponse("/", 303)
    answer.set_cookie(access.cookie, session, httponly=True, samesite="strict")
    return answer


@router.get("/")
def _projects(request: Request, visitor: Asks) -> str:
    return _all_projects(request, visitor)


def _all_projects(request: Request, visitor: Visitor, problem: str = "") -> str:
    found = [(project, *_summary(project)) for project in workspace_of(request).projects()]
    return html(
        "gist.web/projects.html.j2", title="Projects", visitor=visitor, projects=found, problem=problem
    )


@router.post("/projects")
def _create(request: Request, visitor: Asks, typed: Form) -> Response:
    try:
        project = workspace_of(request).create(typed.get("title", ""))
    except InputError as error:
        return HTMLResponse(_all_projects(request, visitor, str(error)), 400)
    return _to(project, "images")


@router.get("/projects/{name}")
def _project(project: Chosen) -> Response:
    return _to(project, _reached(project))


@router.get("/projects/{name}/images")
def _images(request: Request, project: Chosen, visitor: Asks) -> str:
    sources = [path.name for path in workspace_of(request).sources]
    return _page("images", project, visitor, uploads=project.uploads.standing(), sources=sources,
                 tables=project.uploads.tables(), chosen=project.uploads.chosen())  # fmt: skip


@router.post("/projects/{name}/images")
def _look(request: Request, project: Chosen, typed: Form) -> Response:
    """Takes what was brought or, by its number, a source that the server was started with; then looks at it."""
    sources = {str(number): str(path) for number, path in enumerate(workspace_of(request).sources)}
    labels = typed.get("labels") if typed.get("labels") in project.uploads.tables() else None
    project.uploads.choose(Choice(source=sources.get(typed.get("source", "")), labels=labels))
    project.start("look")
    return _to(project, "data")


@router.get("/projects/{name}/data")
def _data(project: Chosen, visitor: Asks) -> str:
    return _page(
        "data", project, visitor, found=project.result("prepare"), has_page=files.is_there(project, "data")
    )


@router.get("/projects/{name}/plan")
def _plan(project: Chosen, visitor: Asks) -> str:
    return _plan_page(project, visitor)


def _plan_page(
    project: Project, visitor: Visitor, problem: str = "", typed: Mapping[str, str] | None = None
) -> str:
    return _page("plan", project, visitor, plan=project.plan(), fields=forms.fields(project, typed), problem=problem,
                 settings=_settings_in_use(project), command=project.command())  # fmt: skip


@router.post("/projects/{name}/plan")
def _change(project: Chosen, visitor: Asks, typed: Form) -> Response:
    """Keeps the settings, then plans anew, starts, or draws another set, as the button says."""
    then = typed.pop("then", "look")
    typed.pop("csrf", None)
    try:
        project.change(forms.changes(typed, project))
    except InputError as error:
        return HTMLResponse(_plan_page(project, visitor, str(error), typed), 400)
    project.start("run" if then == "run" else "look")
    return _to(project, "training" if then == "run" else "plan")


@router.get("/projects/{name}/training")
def _training(project: Chosen, visitor: Asks) -> str:
    return _page("training", project, visitor, words=WORK, charts=_charts(project),
                 grids=len(files.pictures(project, "grids")))  # fmt: skip


@router.post("/projects/{name}/jobs")
def _job(project: Chosen, typed: Form) -> Response:
    if typed.get("do") == "stop":
        project.stop()
    else:
        project.start("run" if typed.get("do") == "run" else "look")
    return _to(project, "training" if typed.get("do") in ("run", "stop") else "data")


@router.get("/projects/{name}/results")
def _results(project: Chosen, visitor: Asks) -> str:
    there = {
        word: files.is_there(project, word)
        for word in ("report", "data", "synthetic", "model-card", "data-card")
    }
    try:
        report = json.loads((project.run.path / "report" / "report.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        report = None
    offered = {field.key: field for group in forms.fields(project).values() for field in group}
    again = [offered[key] for key in ("generate.count", "generate.truncation_psi", "generate.first_seed")]
    return _page("results", project, visitor, there=there, report=report, again=again,
                 images=len(files.pictures(project, "images")))  # fmt: skip


@router.get("/projects/{name}/files/{word}")
def _file(project: Chosen, word: str) -> FileResponse:
    return files.download(project, word)


@router.get("/projects/{name}/pictures/{kind}/{number}")
def _picture(project: Chosen, kind: Literal["grids", "images"], number: int) -> FileResponse:
    return files.picture(project, kind, number)


def _page(step: str, project: Project, visitor: Asks, /, **facts: Any) -> str:
    """A step of a project, with what all steps show."""
    stages, running = project.look()
    place = project.in_line()
    return html(
        f"gist.web/{step}.html.j2", title=project.name, step=step, steps=STEPS, project=project, visitor=visitor,
        stages=stages, running=running, place=place, ended=project.ended(), reached=_reached(project), **facts,
    )  # fmt: skip


def _to(project: Project, step: str) -> Response:
    return RedirectResponse(f"/projects/{project.name}/{step}", 303)


def _reached(project: Project) -> str:
    """The step that a project stands at."""
    place = project.in_line()
    if place is not None:
        return "data" if place[1].kind == "look" else "training"
    if project.state("report") == "done":
        return "results"
    if project.state("train") != "not started":
        return "training"
    if project.state("prepare") == "done":
        return "plan"
    return "images" if project.state("prepare") == "not started" else "data"


def _summary(project: Project) -> tuple[str, str]:
    """The step a project stands at, and in words what there is."""
    step = _reached(project)
    prepared = project.result("prepare")
    images = (
        "no images yet"
        if prepared is None
        else f"{prepared['train_images'] + prepared['test_images']:,} images"
    )
    return STEPS[step], images


def _settings_in_use(project: Project) -> str:
    """What differs from the defaults, as a settings file."""
    config = project.config()
    found = {
        name: values for name, section in sections(config).items() if (values := unusual_settings(section))
    }
    return yaml.safe_dump({"name": config.name, **found}, sort_keys=False, allow_unicode=True)


def _charts(project: Project) -> list[Any]:
    """The curves of the training so far."""
    from gist.generators.registry import family_named
    from gist.training.curves import read_ticks, training_curves

    folder = project.run.path / "train"
    try:
        settings = json.loads((folder / "plan.json").read_text(encoding="utf-8"))["settings"]
        charts = family_named(settings["architecture"]).charts
    except (FileNotFoundError, KeyError):
        return []
    return training_curves(read_ticks(folder / "log.jsonl"), charts, settings)
