"""A run as a job of a batch system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gist.config import STAGE_NAMES, STAGES, Config
from gist.config.texts import as_typed
from gist.files import write_atomic
from gist.intake.source_state import MARK, source_mark
from gist.launch.site import Site, read_site
from gist.launch.slurm import Job, Step, batch_script, refuse_while_alive, submit
from gist.runs.folder import RunFolder
from gist.runs.pipeline import keep_settings, told_plainly
from gist.stages.promise import StageName, private


def start_job(
    config: Config,
    site: Path | None,
    asked: Mapping[str, Any],
    stages: Sequence[StageName] = (),
    *,
    shards: int | None = None,
    slots: int | None = None,
) -> tuple[Job, bool]:
    """Puts a run into SLURM's queue; says whether the script in its folder was an edited one.

    Paths of the user's disk, such as the source's, go with the job's environment: they never enter the run folder.

    Args:
        site: the cluster's profile; None for GIST_SITE's or the user's own.
        asked: what takes the place of the profile's values.
        shards: tasks of an array that share prepare, and of one that share generate; one job does the rest.
        slots: of these at a time, at most.

    Raises:
        BusyError: a job or another process works on the run.
        InputError: SLURM is not here or refuses the job, or the profile is wrong.
        StageError: the run folder cannot be written.
    """
    profile = read_site(site, dict(asked))
    run = RunFolder(config.run_folder)
    with told_plainly(config, run):
        return _started(config, run, profile, stages, shards, slots)


def _started(
    config: Config,
    run: RunFolder,
    profile: Site,
    stages: Sequence[StageName],
    shards: int | None,
    slots: int | None,
) -> tuple[Job, bool]:
    refuse_while_alive(run.path)
    keep_settings(config)
    if (
        config.prepare.source is not None
    ):  # the same data given again finds this run, before its job has begun
        write_atomic(run.path / MARK, source_mark(config.prepare.source).encode())
    groups = {name: getattr(config, name) for name in STAGES}
    paths = {
        f"{name}.{key}": value.resolve() if isinstance(value, Path) and value.exists() else value
        for name, settings in groups.items()
        for key in private(type(settings))
        if (value := getattr(settings, key)) is not None
    }
    settings = [f"{key}={as_typed(value)}" for key, value in paths.items()]
    command = f"run . --stages {','.join(stages)}" if stages else "run ."
    if shards is None:
        return submit(run.path, batch_script(profile, command), settings)
    command = 'run . --stages "$GIST_JOB_STAGES"'
    script = batch_script(profile, command, f'{command} --shard "$SLURM_ARRAY_TASK_ID/{shards}"')
    return submit(
        run.path, script, settings, _steps(config, stages or STAGE_NAMES, shards, slots, min(profile.gpus, 1))
    )


def _steps(
    config: Config, stages: Sequence[StageName], shards: int, slots: int | None, gpus: int
) -> list[Step]:
    """An array for each stage that is done in shards, between them a job that joins these and goes on to the next."""
    steps: list[Step] = []
    for number, name in enumerate(stages):
        if STAGES[name].promise.shard and (name != "generate" or config.generate.in_shards):
            before = stages[:number]
            steps += [Step(stages=before)] if before else []
            steps.append(Step(range(1, shards + 1), slots, [name], gpus))
    return [*steps, Step(stages=stages)]
