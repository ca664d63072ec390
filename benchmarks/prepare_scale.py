"""Many small files through the prepare stage, data page included; killed midway and continued by the same command.

    python benchmarks/prepare_scale.py                 # 100,000 PNG files of 32x32, made in a temporary folder
    python benchmarks/prepare_scale.py --images 5000

Prints seconds of both sittings, the largest resident size of the parent and of a decoding process, how many images
the second sitting found done, and the size of the data page.
"""

from __future__ import annotations

import argparse
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from prepare_throughput import own_peak_mebibytes

from gist.config import build_config
from gist.intake.stage import prepare
from gist.progress import Silent
from gist.runs.folder import RunFolder

SIDE = 32
FILES_PER_FOLDER = 1000


class Counter(Silent):
    """Tells on standard output how many images are done, which is when to kill."""

    def advance(self, done: float, *_others: object) -> None:
        if done % 100 == 0:
            print(int(done), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.source:
        run_stage(arguments.source, arguments.run)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = make_files(folder / "source", arguments.images)
        command = [sys.executable, __file__, "--source", str(source), "--run", str(folder / "run")]
        killed_at, seconds = killed(command, arguments.images // 2)
        print(f"first sitting: killed at {killed_at} images after {seconds:.0f} s")
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        facts = json.loads(output[-1])
        page = (folder / "run" / "prepare" / "data.html").stat().st_size
        print(
            f"second sitting: {facts['images']} images in the archives after {facts['seconds']:.0f} s, "
            f"{facts['processor_seconds']:.0f} processor seconds, peak {facts['parent']:.0f} MiB + "
            f"{facts['child']:.0f} MiB per further process; data page {page / 2**20:.2f} MiB"
        )


def run_stage(source: Path, run: Path) -> None:
    start = time.perf_counter()
    tree = {"source": str(source), "resolution": SIDE}
    result = prepare(build_config({"prepare": tree, "device": "cpu"}), RunFolder(run), Counter())
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    facts = {
        "images": result.train_images + result.test_images,
        "seconds": time.perf_counter() - start,
        "processor_seconds": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
        "parent": own_peak_mebibytes(),
        "child": children.ru_maxrss / 1024,
    }
    print(json.dumps(facts), flush=True)


def killed(command: list[str], at: int) -> tuple[int, float]:
    """Kills the command when it has done `at` images; returns how many and after how many seconds."""
    start, done = time.perf_counter(), 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            done = int(line)
            if done >= at:
                process.send_signal(signal.SIGKILL)
                break
    return done, time.perf_counter() - start


def make_files(folder: Path, count: int) -> Path:
    """Blobs with grain, no two alike, in two class folders."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    for number in range(count):
        rng = np.random.default_rng(number)
        centre, width = rng.uniform(0.2, 0.8, 2), rng.uniform(4, 20, 2)
        values = np.exp(-width[0] * (x - centre[0]) ** 2 - width[1] * (y - centre[1]) ** 2)
        values += 0.05 * rng.standard_normal((SIDE, SIDE))
        part = number // FILES_PER_FOLDER
        path = folder / str(part % 2) / str(part) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((values.clip(0, 1) * 255).astype(np.uint8)).save(path, compress_level=1)
    return folder


if __name__ == "__main__":
    main()
