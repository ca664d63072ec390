"""Copying against the number of images seen: pictures of a few snapshots beside training and hold-out images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from gist.config import Config
from gist.generators.network_file import load_network
from gist.generators.synthesis import synthesise
from gist.images.archive import DataSet
from gist.images.png import as_grey_unit
from gist.machine.interruption import stop_if_asked
from gist.metrics.intervals import unlike, wilson
from gist.privacy.audit import Sets
from gist.privacy.views import SIDE, Images, Registration, reduced
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.results import read_what_is_there
from gist.stages.privacy import SnapshotReplication

PICTURES = 200
"""Of each snapshot."""
_REAL = 1000
"""Of each side, at most."""
_FIRST_SEED = 2**41
"""Far from the seeds that anybody generates from."""


def replication_of(
    config: Config,
    run: RunFolder,
    progress: Progress,
    device: torch.device,
    training: DataSet,
    sets: Sets,
) -> tuple[SnapshotReplication, ...]:
    """For a few snapshots the share of pictures nearer, by registered pixels, to training than to hold-out images.

    Empty where they were not asked for, are gone, or learned from other images than are prepared now.
    """
    files = sorted((run.path / "train" / "snapshots").glob("network-*.safetensors"))
    count = min(config.privacy.snapshots, len(files))
    if not count or not read_what_is_there(run, "train"):
        return ()
    rng = np.random.default_rng([config.seed, 5])
    n = min(_REAL, len(sets.training), len(sets.hold_out))
    sides = [x[rng.permutation(len(x))[:n]] for x in (sets.training, sets.hold_out)]
    real = Registration(np.concatenate(sides))
    labels = training.labels[rng.integers(len(training), size=PICTURES)].tolist()
    found = []
    for number in np.linspace(len(files) - 1, 0, count).round().astype(int)[::-1]:
        stop_if_asked(run.stop_file)
        kimg, drawn = _drawn(files[number], device, labels)
        nearest = real.nearest(drawn).index
        closer = float((nearest < n).mean())
        low, high = wilson(closer, unlike(nearest))
        found.append(
            SnapshotReplication(kimg=kimg, images=PICTURES, beside=n, share=closer, low=low, high=high)
        )
        progress.advance(len(found), count, "snapshots")
    return tuple(found)


def _drawn(file: Path, device: torch.device, labels: list[int]) -> tuple[float, Images]:
    """Thousand images that a snapshot has seen, and pictures of these classes from it."""
    model, metadata = load_network(file)
    seeds = range(_FIRST_SEED, _FIRST_SEED + len(labels))
    classes = labels if model.c_dim else [0] * len(labels)
    pictures = synthesise(model.to(device), seeds, classes)
    side = min(SIDE, model.img_resolution)
    return float(metadata["kimg"]), np.stack([reduced(as_grey_unit(each), side) for each in pictures])
