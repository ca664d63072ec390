"""What a cluster asks of its users, written down once: the site profile."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from gist.errors import InputError

_TIME = r"(\d+-)?\d{1,3}(:\d{2}){0,2}"
Word = Annotated[str, StringConstraints(pattern=r"^\S+$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\n\r]+$")]


class Site(BaseModel):
    """How jobs are asked for on one cluster; every value can be given to a command as well."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    partition: Word | None = None
    account: Word | None = None
    qos: Word | None = None
    constraint: Word | None = None
    nodes: Annotated[int, Field(ge=1)] = 1
    gpus: Annotated[int, Field(ge=0)] = 1
    """Of each node; 0 trains on CPUs."""
    cpus: Annotated[int, Field(ge=1)] = 8
    """Of each node."""
    memory: Word | None = None
    """Of each node, as SLURM writes it, such as 32G."""
    time: Annotated[str, StringConstraints(pattern=f"^{_TIME}$")] = "08:00:00"
    """Of one job, as SLURM writes it, such as 12:00:00 or 2-00:00:00; a run takes as many jobs as it needs."""
    leave: Annotated[int, Field(ge=60)] = 300
    """Seconds before the end of a job at which the run is asked to stop, so that it can write a checkpoint."""
    modules: tuple[Word, ...] = ()
    """Modules to load."""
    setup: tuple[Line, ...] = ()
    """Lines of shell that make `gist` known, such as `source ~/gist/bin/activate`."""
    container: Line | None = None
    """Words before each command inside the job, such as `apptainer exec --nv gist.sif`."""
    options: tuple[Line, ...] = ()
    """Other options of sbatch, such as `--exclusive`."""

    @model_validator(mode="after")
    def _time_to_leave(self) -> Site:
        if _seconds(self.time) < 2 * self.leave:
            raise ValueError(
                f"a job of {self.time} is too short to be asked to stop {self.leave} seconds before its end"
            )
        return self

    @property
    def processes(self) -> int:
        """Of the whole job: one for each GPU, or one for each node."""
        return self.nodes * max(1, self.gpus)


def _seconds(time: str) -> int:
    """Of a duration as SLURM writes it: M, M:S, H:M:S, D-H, D-H:M or D-H:M:S."""
    days, _, rest = time.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if not days and len(parts) < 3:
        parts = [0, *parts]
    hours, minutes, seconds = (*parts, 0, 0)[:3]
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


PROFILE = Path("~/.config/gist/site.yaml")
"""Read where no other is named."""


def read_site(file: Path | None, given: dict[str, Any]) -> Site:
    """The site profile in `file`, in that named by GIST_SITE, or the user's own, with what is `given` in its place.

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    named = file or (Path(os.environ["GIST_SITE"]) if os.environ.get("GIST_SITE") else None)
    path = (named or PROFILE).expanduser()
    if named is not None and not path.is_file():
        raise InputError(f"There is no site profile {path}; give one by --site, or none.")
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        # Every value as its letters: YAML 1.1 takes 12:00:00 for the number 43200, and 0123 for 83.
        told = yaml.load(text, yaml.BaseLoader) or {}  # noqa: S506 it makes texts, lists and mappings only
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        line = re.search(r"line \d+", str(error))
        where = f" ({line[0]})" if line else ""
        raise InputError(f"The site profile {path} is no readable YAML{where}; mend it.") from None
    if not isinstance(told, dict):
        raise InputError(f"The site profile {path} must hold lines such as 'partition: gpu'.")
    known = {name: value for name, value in given.items() if value is not None}
    try:
        return Site.model_validate({name: value for name, value in told.items() if value != ""} | known)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            why = first["msg"].removeprefix("Value error, ")
            raise InputError(
                f"{why[0].upper()}{why[1:]}; raise time, or lower leave in the site profile."
            ) from None
        key = ".".join(map(str, first["loc"]))
        where = f"The site profile {path}" if str(first["loc"][0]) not in known else "The command"
        if first["type"] == "extra_forbidden":
            names = ", ".join(Site.model_fields)
            raise InputError(f"{where} says '{key}', which is none of: {names}.") from None
        wrong = "should be written as SLURM does, such as 12:00:00 or 32G, without spaces or line breaks"
        why = wrong if first["type"] == "string_pattern_mismatch" else first["msg"].removeprefix("Input ")
        raise InputError(f"{where} says '{key}: {first['input']}', and it {why}.") from None
