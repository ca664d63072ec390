"""Projects: a folder with an ordinary run folder for each, and beside them the images that were brought."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gist.config import STAGE_NAMES, Config, build_config
from gist.errors import InputError
from gist.runs.folder import RunFolder
from gist.runs.pipeline import keep_settings, open_run
from gist.runs.standing import StageStatus, runs_under, standings
from gist.web.jobs import Ended, Job, Jobs
from gist.web.uploads import Uploads

UPLOADS = "uploads"
_LOOK_SECONDS = 1.0
"""For so long what was seen of a run is told again, however many browsers ask."""


class NoSuchProject(InputError):
    """Nothing of this name is here."""


class Workspace:
    """All projects in a folder."""

    def __init__(self, folder: Path, sources: Iterable[Path] = (), most_gib: int = 100) -> None:
        self.folder = folder
        self.sources = tuple(sources)
        """Folders and archives of the server that may be taken from, by their number."""
        self.jobs = Jobs(folder)
        self._most_bytes = most_gib << 30
        self._open: dict[str, Project] = {}

    def names(self) -> list[str]:
        return [path.name for path in runs_under(self.folder) if path.name != UPLOADS]

    def project(self, name: str) -> Project:
        """The project of this name, which is looked up among those that are there and never made a path.

        Raises:
            NoSuchProject: there is none.
        """
        found = next((known for known in self.names() if known == name), None)
        if found is None:
            self._open.pop(name, None)
            raise NoSuchProject("There is no such project; it may have been removed.")
        if found not in self._open:
            uploads = Uploads(self.folder / UPLOADS / found, self._most_bytes)
            self._open[found] = Project(found, self, uploads)
        return self._open[found]

    def projects(self) -> list[Project]:
        return [self.project(name) for name in self.names()]

    def create(self, title: str) -> Project:
        """A new project, whose name is made of the letters and digits of `title`.

        Raises:
            InputError: no letter is left, or there is a project of this name.
        """
        name = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-")[:48].strip("-")
        if not name or name.lower() == UPLOADS:
            raise InputError("Give the project a name of letters and digits, such as Knees of 2026.")
        try:
            (self.folder / name).mkdir(parents=True)
        except FileExistsError:
            raise InputError(f"There is a project {name} already; choose another name.") from None
        keep_settings(build_config({"name": name, "folder": str(self.folder / name)}))
        return self.project(name)


class Project:
    """One run and the images that it is of."""

    def __init__(self, name: str, workspace: Workspace, uploads: Uploads) -> None:
        self.name, self._workspace, self.uploads = name, workspace, uploads
        self.run = RunFolder(workspace.folder / name)
        self.jobs = workspace.jobs
        self.plan_file = self.jobs.plan_file(name)
        self._seen: tuple[float, list[StageStatus], bool] | None = None

    def config(self, *, with_source: bool = False) -> Config:
        """The settings in the run folder, and on request where the images lie, which that never holds."""
        config = open_run(self.run.path)[1]
        return build_config(config.model_dump(mode="json"), self.private_changes()) if with_source else config

    def private_changes(self) -> dict[str, Any]:
        """Where the images lie, and what table says of them."""
        chosen = self.uploads.chosen()
        source = chosen.source or (self.uploads.archive if self.uploads.archive.exists() else None)
        found = {"prepare.source": source, "prepare.labels": chosen.labels}
        return {key: str(value) for key, value in found.items() if value is not None}

    def bring_up_to_date(self, stages: Sequence[str] = STAGE_NAMES) -> None:
        """What `gist run` does.

        Raises:
            gist.errors.GistError: as `gist.run`.
        """
        from gist.verbs.stages import run

        if not self.uploads.chosen().source and self.uploads.folder.exists():
            self.uploads.assemble()
        run(self.run.path, stages=stages, changes=self.private_changes())

    def change(self, changes: Mapping[str, Any]) -> None:
        """Keeps settings for the next job; a plan that was made for others is gone.

        Raises:
            InputError: a setting is wrong.
            BusyError: the run is at work.
        """
        before = self.config()
        after = build_config(before.model_dump(mode="json"), changes)
        keep_settings(after)
        if after != before:
            self.plan_file.unlink(missing_ok=True)
        self._seen = None

    def start(self, kind: str) -> None:
        """Puts a job into line."""
        self.jobs.add(Job.model_validate({"project": self.name, "kind": kind}))
        self._seen = None

    def stop(self) -> None:
        """Asks what works on the run to stop, whoever started it; a job in line is withdrawn."""
        self.jobs.withdraw(self.name)
        if self.run.is_locked():
            self.run.stop_file.touch()
        self._seen = None

    def look(self) -> tuple[list[StageStatus], bool]:
        """Where every stage stands, and whether a process works on the run."""
        moment = time.monotonic()
        if self._seen is None or moment - self._seen[0] > _LOOK_SECONDS:
            self._seen = (moment, standings(self.config(), self.run), self.run.is_locked())
        return self._seen[1], self._seen[2]

    def state(self, stage: str) -> str:
        return next(entry.state for entry in self.look()[0] if entry.stage == stage)

    def in_line(self) -> tuple[int, Job] | None:
        """How many jobs are before this project's, and its job; also starts work that a killed process left."""
        found = self.jobs.place(self.name)
        if found is not None:
            self.jobs.work()
        return found

    def ended(self) -> Ended | None:
        """How its last job ended; None while another is in line."""
        return None if self.in_line() else self.jobs.ended(self.name)

    def plan(self) -> dict[str, Any] | None:
        """What will be done, once it was looked at."""
        try:
            return dict(json.loads(self.plan_file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def result(self, stage: str) -> dict[str, Any] | None:
        """What a finished stage found, by the names of its result."""
        record = self.run.record(stage)
        return None if record is None or record.state != "done" else record.result

    def command(self, stages: Sequence[str] = ()) -> str:
        """The command that does the same."""
        settings = [
            part for key, value in self.private_changes().items() for part in ("--set", f"{key}={value}")
        ]
        chosen = ["--stages", ",".join(stages)] if stages else []
        return shlex.join(["gist", "run", str(self.run.path), *chosen, *settings])
