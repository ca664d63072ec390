"""What `gist run --on slurm` adds to a training, on a SLURM that answers: seconds from the command to the first step.

Of the whole, SLURM's own is what a job of `true` takes to begin, and the start of gist itself is what the same command
takes here. Usage: python benchmarks/cluster.py [TIMES]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gist.phantoms import write_phantom_data_set

SMALL = ["prepare.resolution=32", "train.architecture=stylegan2", "train.channel_base=256", "train.kimg=1000"]
DEADLINE_SECONDS = 300


def waited(file: Path) -> float:
    """Seconds until a file holds something."""
    began = time.monotonic()
    while not (file.is_file() and file.stat().st_size):
        assert time.monotonic() - began < DEADLINE_SECONDS, f"no {file}"
        time.sleep(0.02)
    return time.monotonic() - began


def main(times: int) -> None:
    """Prints the median of each part."""
    gist = [sys.executable, "-m", "gist"]
    parts: dict[str, list[float]] = {
        "SLURM's own": [],
        "the command": [],
        "job to first step": [],
        "here": [],
    }
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_phantom_data_set(place / "knees", count=80, size_range=(60, 80))
        tool = place / "gist"
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gist "$@"\n')
        tool.chmod(0o755)
        (place / "site.yaml").write_text(f"gpus: 0\ncpus: 1\nsetup: ['export PATH={place}:$PATH']\n")
        settings = [word for setting in SMALL for word in ("--set", setting)]
        for number in range(times):
            run = f"run{number}"
            subprocess.run([*gist, "prepare", "knees", "--run", run, "--resolution", "32"], cwd=place, check=True,
                           capture_output=True)  # fmt: skip
            began = time.monotonic()
            subprocess.run(["sbatch", "--wrap", f"date > {place}/began{number}"], check=True, cwd=place,
                           capture_output=True)  # fmt: skip
            waited(place / f"began{number}")
            parts["SLURM's own"].append(time.monotonic() - began)
            train = [*gist, "run", "knees", "--yes", "--stages", "train", *settings, "--set", f"folder={run}"]
            began = time.monotonic()
            subprocess.run([*train, "--on", "slurm", "--site", "site.yaml"], cwd=place, check=True,
                           capture_output=True)  # fmt: skip
            parts["the command"].append(time.monotonic() - began)
            parts["job to first step"].append(waited(place / run / "train/progress.json"))
            subprocess.run([*gist, "cancel", run], cwd=place, check=True, capture_output=True)
            other = f"here{number}"
            (place / run / "train").rename(place / "done")
            (place / run).rename(place / other)
            (place / "done").rename(place / f"done{number}")
            began = time.monotonic()
            with subprocess.Popen([*train[:-1], f"folder={other}"], cwd=place, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as here:  # fmt: skip
                waited(place / other / "train/progress.json")
                parts["here"].append(time.monotonic() - began)
                here.terminate()
    middle = {part: statistics.median(seconds) for part, seconds in parts.items()}
    for part, seconds in middle.items():
        print(f"{part}: {seconds:.1f} s")
    added = middle["the command"] + middle["job to first step"] - middle["here"] - middle["SLURM's own"]
    print(f"added by the launcher, beyond SLURM's own and the start of gist: {added:.1f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
