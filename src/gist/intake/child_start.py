"""How a decoding process is started: by itself, so that it can be before anything that the parent imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_PIPE_BYTES = 1 << 20  # where the system lets us: answers come in one piece
_PACKAGE_ROOT = str(Path(__file__).parents[2])


def start_worker() -> subprocess.Popen[bytes]:
    """A new `gist.intake.worker` with pipes to its input, output and errors; it ends when its input does."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "gist.intake.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        pipesize=_PIPE_BYTES,
    )


def _environment() -> dict[str, str]:
    known = os.environ.get("PYTHONPATH")
    return {
        **os.environ,
        "PYTHONPATH": _PACKAGE_ROOT + (os.pathsep + known if known else ""),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        # Pictures of a few megabytes come and go: kept by glibc for reuse instead of returned, decoding a
        # 2000x2000 radiograph takes 23 ms instead of 37.
        "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
    }
