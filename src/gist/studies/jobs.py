"""The trials of a study as jobs of a batch system: an array of them, and a job that ends the study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gist.config import Config
from gist.config.texts import as_typed
from gist.errors import InputError
from gist.launch.site import Site, read_site
from gist.launch.slurm import Job, Step, batch_script, check_here, refuse_while_alive, submit
from gist.studies.folder import StudyFolder, where_to_compute
from gist.studies.numbering import open_numbers

_SHARE = 'study trial . "$SLURM_ARRAY_TASK_ID"'


def refuse_to_begin(study: Path, job: Mapping[str, Any]) -> None:
    """Before the data is prepared: raises what `start_trials` would, as far as it can be told."""
    check_here()
    site_of_trials(**job)
    refuse_while_alive(study)


def site_of_trials(site: Path | None = None, slots: int | None = None, **asked: Any) -> Site:
    """The profile for jobs of a trial each: one machine, and one GPU at most."""
    if slots is not None and slots < 1:
        raise InputError(f"One trial at a time is the least, not {slots}; mend --slots.")
    profile = read_site(site, asked)
    return profile.model_copy(update={"nodes": 1, "gpus": min(profile.gpus, 1)})


def start_trials(
    study: StudyFolder,
    config: Config,
    site: Path | None = None,
    slots: int | None = None,
    **asked: Any,
) -> tuple[Job, bool]:
    """Puts what is left of a study into SLURM's queue; says whether the script in its folder was an edited one.

    An array has a task for each trial that is not done, on one machine with one GPU at most. A job after it does what
    of them was lost and writes the page. Where to compute goes with the environment of the jobs.

    Args:
        site: the cluster's profile; None for GIST_SITE's or the user's own.
        asked: what takes the place of the profile's values.
        slots: trials at a time, at most; None for as many as SLURM lets run.

    Raises:
        BusyError: jobs work on the study.
        InputError: SLURM is not here or refuses them, or the profile is wrong.
    """
    profile = site_of_trials(site, slots, **asked)
    refuse_while_alive(study.path)
    numbers = open_numbers(study)
    settings = [
        f"{key}={as_typed(value.resolve() if isinstance(value, Path) else value)}"
        for key, value in where_to_compute(config).items()
        if value is not None
    ]
    return submit(
        study.path,
        batch_script(profile, "study continue .", _SHARE),
        settings,
        [*([Step(numbers, slots)] if numbers else []), Step()],
    )
