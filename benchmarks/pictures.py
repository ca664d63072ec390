"""Which recipe draws the better pictures after equal processor minutes: the judge of every change to training.

    python benchmarks/pictures.py --recipes today= "gamma=train.gamma:0.2,train.batch:16" --minutes 10 20 40 60
    python benchmarks/pictures.py --before OTHER/src --recipes FILE.yaml      # FILE.yaml: {NAME: {KEY: VALUE, …}, …}

A recipe is a name and settings by dotted name; `source:PATH` runs it by another build, the folder that holds its
`gist`, and `--before PATH` puts the first recipe's settings under such a build in front, as what all are compared
with. Data are the knees of `--data` or of GIST_SHARED, else phantoms; pictures of the training part are prepared once,
and every build learns from these (which is checked), with one seed per training.

The budget counts processor time of the training processes, all threads, from the moment at which `plan.json` tells that
start-up is over, so that neither other work on the machine nor a first compilation matters much; each is asked to stop
when it is used up, and continues bit for bit to the next minute.
Writing the snapshot, drawing pictures and judging them are not counted. Pictures are drawn by the recipe's own build,
by one set of seeds, in the hold-out's mix of classes, and judged by this build alone against one hold-out: KID, Frechet
distance, precision and recall, power by octave, joint space and condyles (`knee_anatomy.py`), images that look odder
than 95 % of real ones, and at the last minute GAN-train, a classifier's balanced accuracy on the hold-out. The row
`real` is as many training images in place of the drawn ones.

Every result is a line of `results.jsonl`; a benchmark that was killed continues from there and from the checkpoints.
Needs Linux (/proc).
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pictures_judge import Judge
from pictures_results import REAL, Results, write_measured
from pictures_shown import write_curve, write_sheet, write_table
from PIL import Image

from gist.errors import InputError
from gist.files import write_atomic
from gist.images.archive import DataSet, read_data_set
from gist.phantoms import write_phantom_data_set

OWN = Path(__file__).resolve().parents[1] / "src"
KNEES = {
    "labels": "labels.csv", "label_column": "kl_grade", "patient_column": "patient_id", "split_column": "split",
    "classes": ["0", "3", "4"],
}  # fmt: skip
PHANTOMS = {"labels": "labels.csv", "patient_column": "patient_id", "test_fraction": 0.4}
AT_ONCE = "train.hours=0.000001"
"""Ends a continued training at its first look, with a snapshot of where it stands."""
STOPPED = 130


@dataclass(frozen=True)
class Recipe:
    """Settings, and the build that runs them."""

    name: str
    settings: dict[str, Any]
    source: Path

    @property
    def known_by(self) -> str:
        """What must be the same where results are taken up again."""
        return json.dumps([self.settings, str(self.source)], sort_keys=True)


def main() -> None:
    """Trains, draws, judges and writes the table, the curve and the sheets."""
    options = _options()
    try:
        _compare(options, _recipes(options))
    except InputError as error:
        sys.exit(str(error))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipes", nargs="+", default=["today="], help="FILE.yaml, or NAME=KEY:VALUE,…")
    parser.add_argument("--before", type=Path, help="folder that holds another build's `gist`")
    parser.add_argument("--minutes", nargs="+", type=float, default=[10, 20, 40, 60])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--data", type=Path, help="folder of images; default: knees of GIST_SHARED, else phantoms"
    )
    parser.add_argument("--prepare", nargs="*", default=[], help="settings of prepare for --data, KEY=VALUE")
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--images", type=int, help="learn from so many images only, drawn by seed 0")
    parser.add_argument("--count", type=int, help="pictures judged; default: as many as are held out")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--weights", type=Path, help="SqueezeNet's; default: of GIST_SHARED; without, radiomics"
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/pictures"))
    parser.add_argument(
        "--measured", type=Path, help="table of what may be expected, to which the results are added"
    )
    parser.add_argument("--measured-of", help="what the images are, in a word or two, for that table")
    return parser.parse_args()


def _recipes(options: argparse.Namespace) -> list[Recipe]:
    told: dict[str, dict[str, Any]] = {}
    for words in options.recipes:
        if words.endswith((".yaml", ".yml")):
            told |= {name: dict(of or {}) for name, of in yaml.safe_load(Path(words).read_text()).items()}
        else:
            name, _, pairs = words.partition("=")
            split = [pair.partition(":")[::2] for pair in pairs.split(",") if pair]
            told[name] = {key: yaml.safe_load(value) for key, value in split}
    if options.before is not None:
        first = next(iter(told.values()))
        told = {"before": first | {"source": options.before}} | told
    found = []
    for name, settings in told.items():
        source = Path(settings.pop("source", OWN)).resolve()
        if not (source / "gist").is_dir():
            raise InputError(f"{source} holds no `gist`; name the `src` folder of a build for recipe {name}.")
        if not name.replace("-", "").replace("_", "").isalnum() or name == REAL:
            raise InputError(f"A recipe's name is made of letters, digits, - and _, and not '{name}'.")
        found.append(Recipe(name, settings, source))
    return found


def _compare(options: argparse.Namespace, recipes: list[Recipe]) -> None:
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    training, held_out = _data(options, folder)
    judge = Judge(training, held_out, _weights(options), options.count)
    results = Results(folder / "results.jsonl", judge.known_by)
    if not results.has(REAL, 0, 0.0, ""):
        results.add(REAL, 0, 0.0, "", judge.of_real())
    minutes = sorted(options.minutes)
    for minute in minutes:
        for seed in options.seeds:
            for recipe in recipes:
                if results.has(recipe.name, seed, minute, recipe.known_by):
                    continue
                work = Training(
                    folder / recipe.name / f"seed-{seed}", recipe, seed, folder / "pictures", options
                )
                work.begin(judge.per_class)
                seconds = work.train_until(60 * minute)
                drawn, kimg = work.draw(minute)
                found = judge.of(drawn, gan_train=minute == minutes[-1])
                results.add(recipe.name, seed, minute, recipe.known_by,
                            {"kimg": kimg, "processor_minutes": seconds / 60} | found)  # fmt: skip
    names = [recipe.name for recipe in recipes]
    for name in names:
        last = folder / name / f"seed-{options.seeds[0]}" / f"drawn-{minutes[-1]:g}.zip"
        write_sheet(folder / f"sheet-{name}.png", held_out, read_data_set(last))
    write_curve(folder / "curve.svg", results.rows, names)
    if options.measured is not None:
        data = options.measured_of or ("knees" if options.data is None else options.data.name)
        write_measured(
            options.measured, folder, results.rows, data, len(list((folder / "pictures").rglob("*.png")))
        )
    print(write_table(folder / "table.md", results.rows, names))


def _data(options: argparse.Namespace, folder: Path) -> tuple[DataSet, DataSet]:
    """The images to learn from and the held-out ones; lays the former out as pictures for every build to prepare."""
    shared = os.environ.get("GIST_SHARED")
    source: Path | None = options.data
    settings: dict[str, Any] = {}
    if source is None and shared and (Path(shared) / "data" / "knee").is_dir():
        source, settings = Path(shared) / "data" / "knee", KNEES
    elif source is None:
        source, settings = folder / "phantoms", PHANTOMS
        if not (source / "labels.csv").exists():
            write_phantom_data_set(source, count=2000, format="png", size_range=(256, 256))
    settings = settings | {
        key: yaml.safe_load(value) for key, _, value in (one.partition("=") for one in options.prepare)
    }
    prepared = folder / "data" / "prepare"
    tree = {"folder": "data", "prepare": {"source": str(source.resolve()), "resolution": options.resolution,
            "burned_in_text": "ignore", **settings}}  # fmt: skip
    (folder / "data.yaml").write_text(yaml.safe_dump(tree))
    gist(OWN, folder, "run", "data.yaml", "--stages", "prepare")
    if not (prepared / "test.zip").exists():
        raise InputError("Nothing is held out to judge by; give --prepare test_fraction=0.3.")
    training, held_out = (read_data_set(prepared / f"{part}.zip") for part in ("train", "test"))
    pictures = folder / "pictures"
    chosen = np.sort(np.random.default_rng(0).permutation(len(training))[: options.images])
    if pictures.exists() and len(list(pictures.rglob("*.png"))) != len(chosen):
        raise InputError(f"{folder} was begun with other images; give --folder a new one.")
    for index in chosen:
        file = pictures / (training.class_names or ("all",))[training.labels[index]] / f"{index:06d}.png"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(training.pngs[index])
    return training, held_out


def gist(source: Path, place: Path, *words: str) -> None:
    """Runs a build's `gist` to its end."""
    with (place / "gist.log").open("a") as told:
        process = subprocess.run(
            [sys.executable, "-m", "gist", *words],
            cwd=place,
            env=_environment(source),
            stdout=told,
            stderr=told,
            check=False,
        )
    if process.returncode:
        last = (place / "gist.log").read_text().strip().splitlines()[-1:]
        raise InputError(f"`gist {' '.join(words)}` of {source} failed in {place}: {' '.join(last)}")


def _environment(source: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(source)}


@dataclass
class Training:
    """One recipe's training of one seed in a folder of its own, and the processor time that it has had."""

    folder: Path
    recipe: Recipe
    seed: int
    pictures: Path
    options: argparse.Namespace

    def begin(self, per_class: dict[str, int]) -> None:
        """Writes the settings and prepares the pictures.

        Raises:
            InputError: the build prepares other images than were given to it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        tree: dict[str, Any] = {
            "folder": "run", "seed": self.seed, "threads": self.options.threads,
            "prepare": {"source": str(self.pictures), "resolution": self.options.resolution, "test_fraction": 0.0,
                        "burned_in_text": "ignore"},
            "train": {"kimg": 1000.0, "snapshot_kimg": 100000.0, "best_by": "none"},
            "generate": {"network": "latest", **({"per_class": per_class} if len(per_class) > 1 else
                                                 {"count": sum(per_class.values())})},
        }  # fmt: skip
        if (self.recipe.source / "gist" / "marking").is_dir():
            tree["generate"]["watermark"] = (
                False  # small pictures' scores notice it, and older builds have none
            )
        for key, value in self.recipe.settings.items():
            *rooms, name = key.split(".")
            place = tree
            for room in rooms:
                place = place.setdefault(room, {})
            place[name] = value
        (self.folder / "study.yaml").write_text(yaml.safe_dump(tree))
        gist(self.recipe.source, self.folder, "run", "study.yaml", "--stages", "prepare")
        prepared = read_data_set(self.folder / "run" / "prepare" / "train.zip")
        if _digest(prepared.images()) != _digest(
            np.asarray(Image.open(file)) for file in self.pictures.rglob("*.png")
        ):
            raise InputError(
                f"{self.recipe.source} prepares other images than ours; the recipes cannot be compared."
            )

    def train_until(self, budget_seconds: float) -> float:
        """Trains until the processor time is used up; returns how much it was."""
        spent = self._spent()
        while spent < budget_seconds:
            spent = self._sitting(spent, budget_seconds)
        return spent

    def _sitting(self, spent: float, budget_seconds: float) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with (self.folder / "gist.log").open("a") as told:
            process = subprocess.Popen(
                [sys.executable, "-m", "gist", "run", "study.yaml", "--stages", "train"], cwd=self.folder,
                env=_environment(self.recipe.source), stdout=told, stderr=told, preexec_fn=_ends_with_its_parent,
            )  # fmt: skip
            plan, asked, startup = self.folder / "run" / "train" / "plan.json", False, None
            before_start = _changed(plan)
            while process.poll() is None:
                so_far = _processor_seconds(process.pid)
                if startup is None and _changed(plan) != before_start:
                    startup = so_far
                if startup is not None:
                    self._note(spent + so_far - startup)
                if startup is not None and spent + so_far - startup >= budget_seconds and not asked:
                    process.send_signal(signal.SIGTERM)
                    asked = True
                time.sleep(0.5)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime - (startup or 0.0)
        self._note(spent)
        if process.returncode != STOPPED:
            last = (self.folder / "gist.log").read_text().strip().splitlines()[-1:]
            raise InputError(
                f"Training of {self.recipe.name} ended by itself in {self.folder}: {' '.join(last)}"
            )
        return spent

    def draw(self, minute: float) -> tuple[DataSet, float]:
        """Pictures of the present state, and how many thousand images it was shown."""
        file = self.folder / f"drawn-{minute:g}.zip"
        shutil.rmtree(self.folder / "run" / "generate", ignore_errors=True)
        gist(
            self.recipe.source,
            self.folder,
            "run",
            "study.yaml",
            "--stages",
            "train,generate",
            "--set",
            AT_ONCE,
        )
        shutil.copyfile(next((self.folder / "run" / "generate").rglob("synthetic.zip")), file)
        newest = max((self.folder / "run" / "train" / "snapshots").glob("network-*.safetensors"))
        kimg = int(newest.stem.split("-")[1]) / 1000
        if not kimg:
            raise InputError(f"{minute:g} processor minutes end before the first step; give --minutes more.")
        return read_data_set(file), kimg

    def _newest(self) -> str:
        return max(
            (found.name for found in (self.folder / "run/train/checkpoints").glob("[0-9]*")), default=""
        )

    def _note(self, seconds: float) -> None:
        """Keeps the time, and the time at which each checkpoint was first seen."""
        clock = self._clock()
        clock["last"] = seconds
        clock.setdefault(self._newest(), seconds)
        write_atomic(self.folder / "clock.json", json.dumps(clock).encode())

    def _clock(self) -> dict[str, float]:
        file = self.folder / "clock.json"
        known: dict[str, float] = json.loads(file.read_text()) if file.exists() else {}
        return known

    def _spent(self) -> float:
        """Processor seconds behind the newest checkpoint, from which training goes on."""
        clock, newest = self._clock(), self._newest()
        return clock.get(newest, clock.get("last", 0.0)) if newest else 0.0


def _ends_with_its_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: a stop with a checkpoint


def _changed(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0


def _processor_seconds(process: int) -> float:
    """User and system time of a process with all its threads and of its children that have ended."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _digest(images: Iterable[NDArray[Any]]) -> str:
    """Of the images, in any order."""
    marks = sorted(hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest() for image in images)
    return hashlib.sha256("".join(marks).encode()).hexdigest()


def _weights(options: argparse.Namespace) -> Path | None:
    shared = os.environ.get("GIST_SHARED", "")
    known = Path(shared) / "data/weights/squeezenet_weights_tf_dim_ordering_tf_kernels_notop.h5"
    return options.weights or (known if shared and known.exists() else None)


if __name__ == "__main__":
    main()
