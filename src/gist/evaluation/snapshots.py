"""Every snapshot of a training held against the same real images, so that the best one can be told.

These are the images that prepare kept for choosing (`prepare.val_fraction`), where it kept any: a snapshot chosen by
the hold-out fits it a little better than it fits new images. Each snapshot draws the same seeds with the reference's
mix of classes. The table `evaluate/snapshots.json` is written after every snapshot, and a snapshot that it holds with
the same fingerprint is not evaluated again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import ValidationError

from gist.config import Config
from gist.errors import InputError
from gist.evaluation.fingerprint import compare, fingerprint
from gist.evaluation.meaning import MINIMUM_IMAGES
from gist.evaluation.real_sides import real_sides
from gist.evaluation.scores import KID_SETTINGS, frechet_name
from gist.evaluation.set_reader import RealData, SetReader, reader_of, real_data
from gist.files import sha256_of, write_json
from gist.generators.model import Model
from gist.generators.network_file import load_network
from gist.generators.synthesis import synthesise
from gist.images.archive import DataSet, read_data_set
from gist.images.png import as_unit
from gist.machine.device import Device, computing
from gist.metrics.features import FeatureSet, Standardiser, standardiser_for
from gist.metrics.frechet import frechet_distance
from gist.metrics.intervals import wilson
from gist.metrics.kid import kernel_distance
from gist.metrics.manifold import manifold
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import result_of
from gist.stages.evaluate import Score, SnapshotCurve, SnapshotScores
from gist.stages.prepare import PrepareResult

MOST_IMAGES = 1000
"""Images of each side; more of them than this tell little more about which snapshot is best."""
FIRST_SEED = 3 * 2**39
"""Far from the seeds that anybody generates from."""
TABLE = "snapshots.json"
Judges = Literal["validation", "held-out", "training"]


def evaluate_snapshots(config: Config, run: RunFolder, progress: Progress) -> SnapshotCurve:
    """KID, Frechet distance, precision and recall of every snapshot of a run at one n and one set of seeds.

    Raises:
        InputError: prepare has not finished, there is no snapshot, or too few real images are at hand.
    """
    with computing(config) as device:
        return _evaluated(config, run, progress, device)


def _evaluated(config: Config, run: RunFolder, progress: Progress, device: Device) -> SnapshotCurve:
    files = sorted((run.path / "train" / "snapshots").glob("network-*.safetensors"))
    if not files:
        raise InputError(f"{run.path} holds no snapshot; run the train stage first.")
    real = real_data(run)
    reader = reader_of(config, run, progress, device, real.training.resolution)
    training = reader.read(real.training, "training")
    judges, judged_by = _judges(run, real)
    rng = np.random.default_rng(config.seed)
    unseen = None if judges is None else reader.read(judges, judged_by)
    reference = real_sides(training, unseen, rng, reader.notes).reference
    class_names = load_network(files[-1])[1].get("class_names", ())
    reference = _drawable(reference, tuple(map(str, class_names)), rng)
    work = _Work(
        reader, device, reference, standardiser_for(reader.extractor, training), tuple(map(str, class_names))
    )
    known = {entry.sha256: entry for entry in _known(run)}
    progress.note(f"Every snapshot is held against {len(reference)} {judged_by} images.")
    entries: list[SnapshotScores] = []
    for number, file in enumerate(files, start=1):
        digest = sha256_of(file)
        entry = known.get(digest)
        if entry is None or not work.still_holds(entry):
            entry = work.evaluated(file, digest)
        entries.append(entry.model_copy(update={"file": file.name}))
        curve = _curve(entries, judged_by)
        write_json(run.path / "evaluate" / TABLE, curve.model_dump(mode="json"))
        progress.advance(number, len(files), "snapshots", entry.scores[0].name)
    return curve


def read_snapshot_curve(run: RunFolder) -> SnapshotCurve | None:
    """The table of evaluated snapshots, None where there is none that can be read."""
    try:
        content = json.loads((run.path / "evaluate" / TABLE).read_text(encoding="utf-8"))
        return SnapshotCurve.model_validate(content)
    except (OSError, ValueError, ValidationError):
        return None


@dataclass(frozen=True)
class _Work:
    reader: SetReader
    device: Device
    reference: FeatureSet
    standardise: Standardiser
    class_names: tuple[str, ...]

    def still_holds(self, entry: SnapshotScores) -> bool:
        """Whether an entry of the table was made as it would be made now."""
        neighbours = self.reader.config.evaluate.neighbours
        shares = [score for score in entry.scores if score.name.startswith(("precision", "recall"))]
        return entry.scores[0].fingerprint == self._mark(KID_SETTINGS) and all(
            f"k={neighbours} " in score.fingerprint for score in shares
        )

    def evaluated(self, file: Path, digest: str) -> SnapshotScores:
        G, metadata = load_network(file)
        features = self._features(G.to(self.device.torch_device).eval().requires_grad_(False))
        return SnapshotScores(
            file=file.name,
            kimg=float(metadata.get("kimg", math.nan)),
            sha256=digest,
            scores=self._scores(features),
        )

    def _features(self, G: Model) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        n, batch = len(self.reference), self.reader.extractor.batch
        labels = [self.class_names.index(name) for name in self.reference.classes] if G.c_dim else None
        pictures = list(synthesise(G, range(FIRST_SEED, FIRST_SEED + n), labels))
        rows = []
        for start in range(0, n, batch):
            images = np.stack([as_unit(picture) for picture in pictures[start : start + batch]])
            rows.append(self.reader.extractor.features(images))
        return np.concatenate(rows)

    def _mark(self, detail: str) -> str:
        return fingerprint(
            self.reader.extractor.identity,
            self.standardise.digest,
            self.reference.digest,
            len(self.reference),
            f"{detail} seeds={FIRST_SEED}+ psi=1".lstrip(),
        )

    def _scores(self, features: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> tuple[Score, ...]:
        n, name = len(self.reference), self.reader.extractor.name
        real, drawn = self.standardise(self.reference.features), self.standardise(features)
        neighbours = self.reader.config.evaluate.neighbours
        kid = kernel_distance(real, drawn)
        make = partial(Score, group="overall", n_real=n, n_synthetic=n, verdict="unknown")
        scores = [
            make(
                name=f"KID[{name}]",
                value=kid.value,
                low=kid.interval[0],
                high=kid.interval[1],
                fingerprint=self._mark(KID_SETTINGS),
                better="lower",
                meaning="Difference to real images, 0 for none.",
            ),
            make(
                name=frechet_name(name),
                value=frechet_distance(real, drawn),
                fingerprint=self._mark(""),
                better="lower",
                meaning="Distance to real images in means and spreads of features.",
            ),
        ]
        if len(self.reference.first_occurrences()) > neighbours:
            overlap = manifold(real, drawn, neighbours)
            for kind, value in (("precision", overlap.precision), ("recall", overlap.recall)):
                low, high = wilson(value, n)
                scores.append(
                    make(
                        name=f"{kind}[{name}]",
                        value=value,
                        low=low,
                        high=high,
                        fingerprint=self._mark(f"k={neighbours} balls=open"),
                        better="higher",
                        meaning="Share that lies where the other side lies.",
                    )
                )
        return tuple(scores)


def _judges(run: RunFolder, real: RealData) -> tuple[DataSet | None, Judges]:
    """The real images to choose by and their name; None and "training" where nothing was kept apart."""
    prepared = result_of(run, PrepareResult, "evaluate")
    if prepared.val_archive is not None and prepared.val_images >= MINIMUM_IMAGES:
        return read_data_set(run.path / prepared.val_archive), "validation"
    return real.held_out, "training" if real.held_out is None else "held-out"


def _drawable(reference: FeatureSet, class_names: tuple[str, ...], rng: np.random.Generator) -> FeatureSet:
    """At most `MOST_IMAGES` images of classes that the network can draw."""
    drawable = np.arange(len(reference))
    if class_names:
        drawable = np.flatnonzero(np.isin(reference.classes, class_names))
    if len(drawable) < MINIMUM_IMAGES:
        raise InputError(
            f"Snapshots are told apart by at least {MINIMUM_IMAGES} real images of their classes, and there are "
            f"{len(drawable)}; hold out more images (prepare.val_fraction or prepare.test_fraction)."
        )
    return reference.take(np.sort(rng.permutation(drawable)[:MOST_IMAGES]).astype(np.int64))


def _curve(entries: Sequence[SnapshotScores], judged_by: Judges) -> SnapshotCurve:
    """The best snapshot by KID, and those that KID cannot tell from it.

    Two snapshots are told apart where their difference exceeds 1.96 of its standard error, the two errors taken as
    independent; they share the real images, which makes this cautious.
    """
    best = entries[0]
    for entry in entries[1:]:
        if compare(entry.scores[0], best.scores[0]) > 0:
            best = entry
    tied = tuple(
        entry.file
        for entry in entries
        if entry is not best
        and -compare(entry.scores[0], best.scores[0]) <= math.hypot(_reach(entry), _reach(best))
    )
    return SnapshotCurve(best=best.file, tied=tied, judged_by=judged_by, snapshots=tuple(entries))


def _reach(entry: SnapshotScores) -> float:
    low, high = entry.scores[0].low, entry.scores[0].high
    return 0.0 if low is None or high is None else (high - low) / 2


def _known(run: RunFolder) -> tuple[SnapshotScores, ...]:
    curve = read_snapshot_curve(run)
    return () if curve is None else curve.snapshots
