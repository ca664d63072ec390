"""A run as a job of SLURM: its batch script, what became of it, its log, its end.

Everything lies in the folder `job/` of the run: the script that was submitted, `job.json`, and a log per job.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gist.errors import BusyError, InputError, StageError
from gist.files import sha256_of, write_atomic, write_json
from gist.runs.folder import RunFolder

if TYPE_CHECKING:  # `gist status` asks for jobs, and writes no script
    from gist.launch.site import Site

_PATIENCE_SECONDS = 60
_SETTINGS = "GIST_JOB_SETTINGS"
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
            return (
                f"SLURM job {self.number}: {_REMEDIES[self.state]}{again}; `gist run … --on slurm` continues."
            )
        why = f" ({self.reason})" if self.reason else ""
        told = _WAITS.get(self.reason)
        return f"SLURM job {self.number}: {self.state}{why}{again}{f'; {told}' if told else ''}."


def submit(
    run: RunFolder, site: Site, stages: tuple[str, ...], settings: Sequence[str] = ()
) -> tuple[Job, bool]:
    """Writes the batch script of a run, submits it, and notes the job; says whether the script was an edited one.

    `settings`, as `--set` takes them, go with the job's environment and not into the script.

    Raises:
        InputError: SLURM is not here, or refuses the job.
    """
    folder, known = run.path / "job", _known(run)
    script = folder / "job.sbatch"
    edited = script.is_file() and sha256_of(script) != known.get("script")
    if not edited:
        write_atomic(script, batch_script(site, stages).encode())
    answer = _slurm(
        ["sbatch", "--parsable", "job/job.sbatch"], cwd=run.path, **{_SETTINGS: "\n".join(settings)}
    )
    number = int(answer.split(";")[0])
    write_json(
        folder / "job.json", {"job": number, "script": known.get("script") if edited else sha256_of(script)}
    )
    return Job(number, "PENDING"), edited


def refuse_while_alive(run: RunFolder) -> None:
    """Raises BusyError where a job of the run lives."""
    job = job_of(run)
    if job is not None and job.alive:
        raise BusyError(f"{job.sentence()} It works on {run.path} already; `gist cancel {run.path}` ends it.")


def batch_script(site: Site, stages: tuple[str, ...]) -> str:
    """The script that works on the run in whose folder it is submitted, which names no path of the disk itself."""
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
        command=shlex.join(["run", ".", *(["--stages", ",".join(stages)] if stages else [])]),
    )


def job_of(run: RunFolder) -> Job | None:
    """The newest job of a run as SLURM knows it; None where it never had one.

    Raises:
        InputError: SLURM is not here to be asked, and it had one.
    """
    known = _known(run)
    if "job" not in known:
        return None
    number = int(known["job"])
    try:
        told = _slurm(["scontrol", "show", "job", str(number), "--oneliner"])
    except StageError:
        return Job(number, "gone")
    facts = dict(re.findall(r"(\w+)=(\S*)", told))
    where = facts.get("NodeList", "") if facts.get("JobState") == "RUNNING" else facts.get("Reason", "")
    reason = "" if where in ("None", "(null)") else where
    return Job(number, facts.get("JobState", "gone"), reason, int(facts.get("Restarts", 0)))


def cancel(run: RunFolder) -> Job:
    """Ends the job of a run: it writes a checkpoint, as far as SLURM leaves it the time, and is not queued again.

    Raises:
        InputError: the run has no job that lives.
    """
    job = job_of(run)
    if job is None or not job.alive:
        raise InputError(f"No job works on {run.path}{'' if job is None else f': {job.sentence()}'}")
    _slurm(["scancel", str(job.number)])
    end = time.monotonic() + _PATIENCE_SECONDS
    while job.alive and time.monotonic() < end:
        time.sleep(0.2)
        job = job_of(run) or job
    return job


def log_of(run: RunFolder) -> Path:
    """The log of the newest job, to which each of its sittings adds.

    Raises:
        InputError: there is none yet.
    """
    known = _known(run)
    file = run.path / "job" / f"{known.get('job')}.log"
    if not file.is_file():
        job = job_of(run)
        waits = "it has had no job" if job is None else job.sentence().rstrip(".")
        raise InputError(f"There is no log of {run.path} yet: {waits}.")
    return file


def _known(run: RunFolder) -> dict[str, str]:
    try:
        return dict(json.loads((run.path / "job" / "job.json").read_text(encoding="utf-8")))
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
