"""A run, or a study of many, as jobs of SLURM: the batch script, what became of them, their logs, their end.

Everything lies in the folder `job/` of the run or study: the script that was submitted, `job.json`, and a log per job.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gist.errors import BusyError, InputError, StageError
from gist.files import sha256_of, write_atomic, write_json

if TYPE_CHECKING:  # `gist status` asks for jobs, and writes no script
    from gist.launch.site import Site

_PATIENCE_SECONDS = 60
_SETTINGS, _STAGES = "GIST_JOB_SETTINGS", "GIST_JOB_STAGES"
_ALIVE = ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "REQUEUED", "SUSPENDED", "STOPPED", "SIGNALING")
_REMEDIES = {
    "OUT_OF_MEMORY": "it was killed for memory: ask for more (--memory), or set train.micro_batch lower",
    "TIMEOUT": "its time was up before a checkpoint was written: give it more (--time), or raise leave in the profile",
    "NODE_FAIL": "its node was lost",
    "FAILED": "it failed: see its log",
    "CANCELLED": "it was cancelled",
    "PREEMPTED": "another job took its place",
    "BOOT_FAIL": "its node did not start",
    "DEADLINE": "its deadline was reached",
}
_WAITS = {
    "PartitionConfig": "it asks for more than its partition has and will never start: `gist cancel`, and ask for less",
    "PartitionNodeLimit": "it asks for more machines than its partition lends: `gist cancel`, and lower --nodes",
    "PartitionTimeLimit": "it asks for more time than its partition lends: `gist cancel`, and lower --time",
    "BadConstraints": "no machine is as it asks: `gist cancel`, and mend constraint in the profile",
    "launch_failed_requeued_held": "its node could not begin it, and SLURM holds it: `scontrol release` lets it go on",
    "JobHeldUser": "it is held: `scontrol release` lets it go on",
    "JobHeldAdmin": "those who run the cluster hold it: ask them",
}
_REFUSALS = {
    "invalid partition": "the partitions here are {%R}",
    "invalid account": "mend account in the profile, or ask those who run the cluster for yours",
    "invalid qos": "mend qos in the profile",
    "gres": "its machines have these GPUs: {%G}",
    "feature": "mend constraint in the profile; the features here are {%f}",
    "job array": "there may be fewer of them here; `scontrol show config` tells MaxArraySize",
    "--mem": "write memory as 32G",
    "unrecognized option": "mend options in the profile",
}
"""What SLURM says, in small letters -> what to do; in braces what `sinfo` tells in this format."""


@dataclass(frozen=True)
class Job:
    """What SLURM says of the job of a run."""

    number: int
    state: str
    """In SLURM's words, such as PENDING; `gone` where SLURM has forgotten the job."""
    reason: str = ""
    """Why it waits, or where it runs."""
    restarts: int = 0

    @property
    def alive(self) -> bool:
        return self.state in _ALIVE

    def sentence(self) -> str:
        """For people, with what to do."""
        again = (
            f", begun again {self.restarts} times"
            if self.restarts > 1
            else ", begun again once" * self.restarts
        )
        if self.state == "gone":
            return f"SLURM job {self.number} is over and forgotten by SLURM."
        if self.state in _REMEDIES:
            return f"SLURM job {self.number}: {_REMEDIES[self.state]}{again}; the same command continues."
        why = f" ({self.reason})" if self.reason else ""
        told = _WAITS.get(self.reason)
        return f"SLURM job {self.number}: {self.state}{why}{again}{f'; {told}' if told else ''}."


@dataclass(frozen=True)
class Step:
    """A job of those that one script is submitted for, one after the other."""

    tasks: Sequence[int] = ()
    """Of an array of jobs, by number; none for a single job."""
    slots: int | None = None
    """Of these at a time, at most."""
    stages: Sequence[str] = ()
    """Of a run, that it goes through; for the script as GIST_JOB_STAGES."""
    gpus: int = 0
    """Of a task of an array, which is one process on one machine; 0 for as many as the script says."""

    def options(self, before: Sequence[int]) -> list[str]:
        """Of sbatch, after the jobs `before`, however these end."""
        throttle = f"%{self.slots}" if self.slots else ""
        array = f"--array={','.join(map(str, self.tasks))}{throttle}"
        return [
            *([array, "--output=job/%A-%a.log", "--nodes=1"] if self.tasks else []),
            *([f"--gpus-per-node={self.gpus}"] if self.gpus else []),
            *(f"--dependency=afterany:{number}" for number in before[-1:]),
        ]


def submit(
    place: Path, script: str, settings: Sequence[str] = (), steps: Sequence[Step] = (Step(),)
) -> tuple[Job, bool]:
    """Writes the batch script of a run or study, submits it for each step, and notes the jobs.

    Says whether the script was an edited one. `settings`, as `--set` takes them, go with the environment of the jobs
    and not into the script.

    Raises:
        InputError: SLURM is not here, or refuses a job; then none is queued.
    """
    folder, known = place / "job", _known(place)
    file = folder / "job.sbatch"
    edited = file.is_file() and sha256_of(file) != known.get("script")
    if not edited:
        write_atomic(file, script.encode())
    numbers: list[int] = []
    for step in steps:
        command = ["sbatch", "--parsable", *step.options(numbers), "job/job.sbatch"]
        told = {_SETTINGS: "\n".join(settings), _STAGES: ",".join(step.stages)}
        try:
            answer = _slurm(command, cwd=place, **told)
        except InputError:
            _end(numbers)
            raise
        numbers.append(int(answer.split(";")[0]))
    write_json(
        folder / "job.json", {"jobs": numbers, "script": known.get("script") if edited else sha256_of(file)}
    )
    return Job(numbers[0], "PENDING"), edited


def check_here() -> None:
    """Raises InputError where there is no SLURM."""
    _slurm(["sbatch", "--version"])


def refuse_while_alive(place: Path) -> None:
    """Raises BusyError where a job of the run or study lives."""
    job = job_of(place)
    if job is not None and job.alive:
        raise BusyError(f"{job.sentence()} It works on {place} already; `gist cancel {place}` ends it.")


def batch_script(site: Site, command: str, share: str = "") -> str:
    """The script that works on the run or study in whose folder it is submitted, which names no path of the disk.

    `command` is what gist is given, in the words of the shell; `share` what a task of an array gives it instead.
    """
    from gist.pages.html import markdown

    asked = {
        "partition": site.partition,
        "account": site.account,
        "qos": site.qos,
        "constraint": site.constraint,
        "mem": site.memory,
    }
    return markdown(
        "gist.launch/job.sbatch.j2",
        site=site,
        asked={name: value for name, value in asked.items() if value is not None},
        prefix=f"{site.container} " if site.container else "",
        command=command,
        share=share,
    )


def job_of(place: Path) -> Job | None:
    """The newest job of a run or study as SLURM knows it; None where it never had one.

    Of several: one that runs, else one that waits for SLURM, else the last.

    Raises:
        InputError: SLURM is not here to be asked, and it had one.
    """
    numbers = _known(place).get("jobs", [])
    jobs = [job for number in numbers for job in _told(number)]
    eager = ("RUNNING", *(state for state in _ALIVE if state != "RUNNING"))
    living = sorted((job for job in jobs if job.alive), key=lambda job: eager.index(job.state))
    waiting = [job for job in living if job.reason != "Dependency"]
    return next(iter([*waiting, *living, *jobs[::-1]]), None)


def _told(number: int) -> list[Job]:
    """What SLURM says of a job, or of each task of an array."""
    try:
        told = _slurm(["scontrol", "show", "job", str(number), "--oneliner"])
    except StageError:
        return [Job(number, "gone")]
    found = []
    for line in told.splitlines():
        facts = dict(re.findall(r"(\w+)=(\S*)", line))
        where = facts.get("NodeList", "") if facts.get("JobState") == "RUNNING" else facts.get("Reason", "")
        reason = "" if where in ("None", "(null)") else where
        found.append(Job(number, facts.get("JobState", "gone"), reason, int(facts.get("Restarts", 0))))
    return found


def cancel(place: Path) -> Job:
    """Ends the jobs of a run or study: they write checkpoints, as far as SLURM leaves them the time, and do not return.

    Raises:
        InputError: there is no job that lives.
    """
    job = job_of(place)
    if job is None or not job.alive:
        raise InputError(f"No job works on {place}{'' if job is None else f': {job.sentence()}'}")
    _end(_known(place)["jobs"])
    end = time.monotonic() + _PATIENCE_SECONDS
    while job.alive and time.monotonic() < end:
        time.sleep(0.2)
        job = job_of(place) or job
    return job


def _end(numbers: Sequence[int]) -> None:
    if numbers:
        _slurm(["scancel", *map(str, numbers)])


def log_of(place: Path) -> Path:
    """The log that was written last by the newest jobs, to which each sitting of a job adds.

    Raises:
        InputError: there is none yet.
    """
    numbers = _known(place).get("jobs", [])
    files = [
        file
        for number in numbers
        for file in place.glob(f"job/{number}*.log")
        if file.stem.split("-")[0] == str(number)
    ]
    if not files:
        job = job_of(place)
        waits = "it has had no job" if job is None else job.sentence().rstrip(".")
        raise InputError(f"There is no log of {place} yet: {waits}.")
    return max(files, key=lambda file: file.stat().st_mtime)


def _known(place: Path) -> dict[str, Any]:
    """`jobs`, the numbers of the newest ones, and `script`, the digest of the script that gist wrote for them."""
    try:
        return dict(json.loads((place / "job" / "job.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _slurm(command: list[str], cwd: Path | None = None, **environment: str) -> str:
    """What a command of SLURM prints.

    Raises:
        InputError: SLURM is not here or does not answer, or refuses what the user asked for.
        StageError: it knows nothing of what was asked.
    """
    if shutil.which(command[0]) is None:
        raise InputError(
            f"SLURM is not here: there is no {command[0]} on the path; run this on a login node, or leave --on out."
        )
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return done.stdout.strip()
    said = " ".join(line.split("error: ")[-1].strip() for line in done.stderr.strip().splitlines())
    if "Invalid job id" in said:
        raise StageError(said)
    if "contact slurm controller" in said:
        raise InputError("SLURM's controller does not answer; wait, or ask those who run the cluster.")
    said = said.removeprefix("Batch job submission failed: ").removeprefix("sbatch: ")
    said = said.partition(' Try "sbatch')[0].rstrip(".")
    remedy = next((words for sign, words in _REFUSALS.items() if sign in said.lower()), "")
    for asked in re.findall(r"{(.*?)}", remedy):
        shown = subprocess.run(["sinfo", "-h", "-o", asked], capture_output=True, text=True, check=False)
        there = sorted(set(shown.stdout.split()) - {"(null)"})
        remedy = remedy.replace(f"{{{asked}}}", ", ".join(there) or "none")
    raise InputError(f"SLURM refuses: {said}{f'; {remedy}' if remedy else ''}.")
