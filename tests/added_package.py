"""Runs gist as a user would, with a package installed that adds a stage and a kind of generator (folder `added`)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ADDED = Path(__file__).parent / "added"
SETTINGS = """
name: added
device: cpu
threads: 1
folder: "{folder}/run"
prepare: {{source: phantoms, labels: labels.csv, patient_column: patient_id, resolution: 32, test_fraction: 0.4}}
train: {{architecture: mean-image, kimg: 0.064, batch: 8, snapshot_kimg: 0.032, noise: 0.1}}
generate: {{count: 40}}
evaluate: {{permutations: 50, shown: 4}}
"""


def command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "gist", *map(str, words)]


def environment(home: Path) -> dict[str, str]:
    paths = os.pathsep.join(filter(None, (str(ADDED), os.environ.get("PYTHONPATH", ""))))
    return os.environ | {"PYTHONPATH": paths, "HOME": str(home), "OMP_NUM_THREADS": "1", "COLUMNS": "160"}


def gist(*words: str | Path, cwd: Path) -> str:
    """What the command prints; it must succeed."""
    done = subprocess.run(
        command(*words), capture_output=True, text=True, cwd=cwd, env=environment(cwd), timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
