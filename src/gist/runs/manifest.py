"""What made a run: software, machine and times, gathered into the manifest."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from gist.config import SET_STAGES, STAGE_NAMES, Config
from gist.files import write_json
from gist.machine.processes import usual_threads
from gist.runs.folder import RunFolder
from gist.stages.promise import StageName
from gist.version import __version__

_PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "numba",
    "scipy",
    "pillow",
    "pydicom",
    "pydantic",
    "safetensors",
)


def now() -> str:
    """The present moment in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_manifest(run: RunFolder, config: Config) -> None:
    """Writes `manifest.json` from the records of all stages and sets and what is known of this process."""
    unnamed = RunFolder(run.path)
    manifest: dict[str, Any] = {
        "gist": __version__,
        "git_revision": _git_revision(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": _versions(),
        "seed": config.seed,
        "threads": {
            "torch": usual_threads() if config.threads == "auto" else config.threads,
            "processors": os.cpu_count(),
        },
        "written": now(),
        "stages": _records(unnamed, STAGE_NAMES),
    }
    if sets := unnamed.sets():
        manifest["sets"] = {str(each.set_name): _records(each, SET_STAGES) for each in sets}
    write_json(run.manifest_file, manifest)


def _records(run: RunFolder, stages: Sequence[StageName]) -> dict[StageName, Any]:
    return {
        stage: record.model_dump(mode="json", exclude={"result"})
        for stage in stages
        if (record := run.record(stage)) is not None
    }


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _git_revision() -> str | None:
    """Revision of the source tree that gist runs from, None for an installed package."""
    source = Path(__file__).resolve().parents[2]
    if not (source / ".git").exists():
        return None
    command = ["git", "-C", str(source), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
