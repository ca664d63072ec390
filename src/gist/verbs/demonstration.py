"""The whole pipeline on built-in phantom knee radiographs, sized for a laptop without a GPU."""

from __future__ import annotations

from pathlib import Path

from gist.config import STAGE_NAMES, Config, build_config
from gist.errors import InputError
from gist.phantoms import write_phantom_data_set
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.pipeline import run_stages
from gist.runs.results import RunResult
from gist.stages.networks import ShippedName

PHANTOMS = 396
IMAGES = 200
_SEED = 20_000
"""Phantoms of the demo are others than those that the shipped network learned from (seeds below 20,000)."""
KIMG = 1.6
START: ShippedName = "phantom-knee-64"


def demo_config(folder: Path, *, from_scratch: bool, kimg: float | None) -> Config:
    """Settings of the demo in `folder`."""
    train = {
        "kimg": KIMG if kimg is None else kimg,
        "snapshot_kimg": (KIMG if kimg is None else kimg) / 4,
        "start_from": None if from_scratch else START,
        "generator_lr": 0.0025 if from_scratch else 0.001,
        "discriminator_lr": 0.002 if from_scratch else 0.001,
        "gamma": 1.0,  # as the shipped network learned phantoms
    }
    tree = {
        "name": "demo",
        "folder": str(folder),
        "prepare": {
            "source": str(folder / "phantoms"),
            "labels": "labels.csv",
            "patient_column": "patient_id",
            "resolution": 64,
            "test_fraction": 0.4,
        },
        "train": train,
        "generate": {"count": IMAGES},
        "utility": {"classifiers": []},  # these would double the time that the demo takes
        "report": {"title": "Demo: phantom knee radiographs"},
    }
    return build_config(tree, where="demo")


def run_demo(config: Config, progress: Progress) -> RunResult:
    """Draws phantoms where they are missing, then runs every stage on them.

    Raises:
        InputError: the folder holds something else.
        GistError: as the stages do.
    """
    source, run = config.run_folder / "phantoms", RunFolder(config.run_folder)
    if not (run.config_file.exists() or source.exists()) and run.path.is_dir() and any(run.path.iterdir()):
        raise InputError(
            f"{run.path} holds something else, and the demo draws its own radiographs; name a new folder for it, or "
            f"give your radiographs to `gist run {run.path}`."
        )
    with run.locked():
        if not (source / "labels.csv").exists():
            progress.note(f"Drawing {PHANTOMS} phantom radiographs as DICOM files.")
            write_phantom_data_set(
                source, count=PHANTOMS, seed=_SEED, size_range=(200, 310), progress=progress
            )
    return run_stages(config, STAGE_NAMES, progress)
