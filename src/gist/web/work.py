"""`python -m gist.web.work FOLDER`: does the first job in line, as `gist run` would, and starts the next."""

from __future__ import annotations

import sys
from pathlib import Path

from filelock import FileLock

from gist.errors import BusyError, GistError
from gist.files import write_json
from gist.web.jobs import MOST_ATTEMPTS, Ended, Job, Jobs, start_worker
from gist.web.projects import Project, Workspace


def main(folder: Path) -> None:
    """Returns when the job has ended, at once where another process has the turn."""
    jobs = Jobs(folder)
    with jobs.turn() as mine:
        if mine is None:
            return
        file, job = mine
        while file.exists():  # until then nobody has withdrawn it
            try:
                jobs.note_end(job.project, _do(folder, job, file))
                file.unlink(missing_ok=True)
            except BusyError:  # a command works on the run, or looked whether one does: the job waits for it
                with FileLock(folder / job.project / ".lock"):
                    pass
    if jobs.waiting():
        start_worker(folder)


def _do(folder: Path, job: Job, file: Path) -> Ended:
    if job.attempts >= MOST_ATTEMPTS:
        return Ended(
            kind=job.kind,
            how="failed",
            sentence=f"Something ended this job {MOST_ATTEMPTS} times before it was done, such as memory that ran out; "
            "try smaller images or another computer.",
        )
    write_json(file, job.model_copy(update={"attempts": job.attempts + 1}).model_dump())
    from gist.machine.interruption import Stopped

    try:
        project = Workspace(folder).project(job.project)
        _look(project) if job.kind == "look" else project.bring_up_to_date()
    except Stopped:
        return Ended(kind=job.kind, how="stopped")
    except BusyError:
        raise
    except GistError as error:
        return Ended(kind=job.kind, how="failed", sentence=str(error))
    except OSError as error:
        return Ended(
            kind=job.kind, how="failed", sentence=f"{error.strerror or error}; mend that and start again."
        )
    return Ended(kind=job.kind, how="done")


def _look(project: Project) -> None:
    project.plan_file.unlink(missing_ok=True)
    project.bring_up_to_date(["prepare"])
    from gist.verbs.planning import plan_run

    plan = plan_run(project.config(with_source=True))
    write_json(
        project.plan_file,
        {
            "found": list(plan.source.sentences()),
            "impossible": plan.source.impossible,
            "hours": plan.hours,
            "kimg": plan.kimg,
            "resolution": plan.source.resolution,
            "architecture": plan.training.architecture,
            "cost": plan.cost(),
            "expected": None if plan.expected is None else plan.expected.sentence(),
            "reasons": [
                [f"train.{name}", str(getattr(plan.training, name)), reason]
                for name, reason in plan.training.reasons.items()
            ],
        },
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
