"""One task for a crew of its own."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from gist.intake.decode_job import JobSettings, Task
from gist.intake.guarded_decode import Crew, Job, Outcome


def run_jobs(
    jobs: Sequence[Job], task: Task, settings: JobSettings, processes: int = 2
) -> Generator[Outcome, None, None]:
    with Crew(processes) as crew:
        for outcomes in crew.run(jobs, len(jobs), task, settings):
            yield from outcomes
