"""`python -m gist.web.work FOLDER`: does the first job in line, as `gist run` would, and starts the next."""

from __future__ import annotations

import sys
from pathlib import Path

from gist.errors import BusyError, GistError
from gist.files import write_json
from gist.web.jobs import MOST_ATTEMPTS, Ended, Job, Jobs, start_worker
from gist.web.projects import Project, Workspace


def main(folder: Path) -> None:
    """Returns when the job has ended; of a job that another process works on, at once."""
    jobs = Jobs(folder)
    with jobs.turn() as mine:
        if mine is None:
            return
        file, job = mine
        try:
            ended = _do(folder, job, file)
        except BusyError:  # a command works on the run: the job waits for it
            return
        if ended is not None:
            jobs.note_end(job.project, ended)
        file.unlink(missing_ok=True)
    if jobs.waiting():
        start_worker(folder)


def _do(folder: Path, job: Job, file: Path) -> Ended | None:
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
        write_json(file, job.model_dump())
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
