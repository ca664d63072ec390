"""Two builds of gist in turns: start, intake, training and generation, whole processes, medians and ratios.

Both elapsed and processor seconds: other work on the machine stretches the former more.

    python benchmarks/two_builds.py --before OTHER/src [--repeats 9] [--cases help import status intake train draw]

Both builds run by the same interpreter, through the command line only, one after the other again and again.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

OWN = Path(__file__).resolve().parents[1] / "src"
CASES = ("help", "import", "status", "intake", "train", "draw")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--before", type=Path, required=True, help="folder that holds the other build's `gist`"
    )
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--images", type=int, default=1500, help="phantoms of the intake")
    parser.add_argument(
        "--data", type=Path, help="folder with a labels.csv of file and patient_id instead of phantoms"
    )
    parser.add_argument(
        "--ocr", choices=("auto", "off"), default="off", help="read words where tesseract is found"
    )
    parser.add_argument("--kimg", type=float, default=0.4)
    parser.add_argument("--count", type=int, default=600, help="pictures drawn")
    parser.add_argument("--architecture", default="stylegan2")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    options = parser.parse_args()
    builds = {"before": options.before, "after": OWN}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        works = {build: _works(build, source, place, options) for build, source in builds.items()}
        for case in options.cases:
            taken: dict[str, list[tuple[float, float]]] = {build: [] for build in builds}
            for turn in range(options.repeats + 1):
                for build, work in works.items():
                    seconds = work[case]()
                    if turn:  # the first compiles and fills caches
                        taken[build].append(seconds)
            for kind, number in (("elapsed", 0), ("processor", 1)):
                before, after = ([pair[number] for pair in taken[build]] for build in builds)
                ratios = [new / old for old, new in zip(before, after, strict=True)]
                print(
                    f"{case:7} {kind:9} before {median(before):7.3f} s, after {median(after):7.3f} s, "
                    f"ratio {median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})",
                    flush=True,
                )


def _works(
    build: str, source: Path, place: Path, options: argparse.Namespace
) -> dict[str, Callable[[], tuple[float, float]]]:
    """Case -> a function that does it once and returns its elapsed and processor seconds."""
    environment = os.environ | {"PYTHONPATH": str(source.resolve())}

    def timed(*words: str) -> tuple[float, float]:
        began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], cwd=place, env=environment, check=True, capture_output=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        worked = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        return time.perf_counter() - began, worked

    data, run = options.data or place / "phantoms", place / build
    if not data.exists():
        timed("-c", f"from pathlib import Path; from gist.phantoms import write_phantom_data_set as w; "
              f"w(Path({str(data)!r}), count={options.images}, format='png')")  # fmt: skip
    prepare = (
        "-m", "gist", "prepare", str(data.resolve()), "--run", str(run), "--labels", "labels.csv",
        "--patient-column", "patient_id", "--resolution", "64", "--burned-in-text-ocr", options.ocr,
    )  # fmt: skip
    train = (
        "-m", "gist", "train", str(run), "--architecture", options.architecture, "--kimg", str(options.kimg),
        "--snapshot-kimg", "100", "--best-by", "none",
    )  # fmt: skip

    def afresh(stage: str, *words: str) -> tuple[float, float]:
        shutil.rmtree(run / stage, ignore_errors=True)
        return timed(*words)

    timed(*prepare)
    timed(*train)
    return {
        "help": lambda: timed("-m", "gist", "--help"),
        "import": lambda: timed("-c", "import gist"),
        "status": lambda: timed("-m", "gist", "status", str(run)),
        "intake": lambda: afresh("prepare", *prepare),
        "train": lambda: afresh("train", *train),
        "draw": lambda: afresh("generate", "-m", "gist", "generate", str(run), "--count", str(options.count)),
    }


if __name__ == "__main__":
    main()
