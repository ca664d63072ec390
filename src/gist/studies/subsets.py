"""Random subsets of a prepared training part, by patient, each inside the next; the hold-out is one and the same."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError
from gist.files import write_atomic
from gist.images.archive import ArchiveWriter, DataSet, read_data_set
from gist.numerals import counted
from gist.runs.folder import RunFolder
from gist.runs.patients import NO_PATIENT, read_patients
from gist.runs.results import result_of
from gist.stages.prepare import PrepareResult


def nested_order(patients: Sequence[str], labels: NDArray[np.int64], seed: int) -> list[NDArray[np.int64]]:
    """Positions of each patient's images, patients in an order whose every beginning is a fair random subset.

    Patients are drawn at random within the class that most of their images have, and the classes are interleaved in
    proportion, so that a beginning has the mix of the whole and holds every class from its first images on.
    """
    rng = np.random.default_rng(seed)
    own: defaultdict[str, list[int]] = defaultdict(list)
    for position, patient in enumerate(patients):
        own[patient].append(position)
    of_class: defaultdict[int, list[NDArray[np.int64]]] = defaultdict(list)
    for patient in sorted(own):
        positions = np.array(own[patient], np.int64)
        of_class[int(np.bincount(labels[positions]).argmax())].append(positions)
    placed = [
        (rank / len(of_class[label]), label, of_class[label][int(drawn)])
        for label in sorted(of_class)
        for rank, drawn in enumerate(rng.permutation(len(of_class[label])))
    ]
    return [positions for _, _, positions in sorted(placed, key=lambda place: place[:2])]


def subset(patients: Sequence[str], labels: NDArray[np.int64], images: int, seed: int) -> NDArray[np.int64]:
    """Positions, ascending, of the first patients of `nested_order` who have at most so many images together."""
    ends = nested_order(patients, labels, seed)
    kept = int(np.searchsorted(np.cumsum([len(positions) for positions in ends]), images, side="right"))
    return np.sort(np.concatenate(ends[:kept])) if kept else np.zeros(0, np.int64)


def write_prepared(base: RunFolder, trial: RunFolder, images: int | None, draw: int, seed: int) -> None:
    """Gives a trial the prepared data of its study, with a subset to learn from where `images` says how many.

    Args:
        draw: seed of the subset.
        seed: that of the trial's settings, under which its record stands.

    Raises:
        InputError: so few images leave a class without any.
    """
    whole, record = result_of(base, PrepareResult, "a study"), base.record("prepare")
    assert record is not None
    source, folder = base.folder_of("prepare"), trial.stage_folder("prepare")
    own = () if images is None else (Path(whole.train_archive).name, "records.csv")
    for name in sorted({Path(file).name for file in record.outputs} - set(own)):
        _link(source / name, folder / name)
    result = whole
    if images is not None:
        result = _write_subset(base, trial, whole, images, draw)
    trial.write_record(
        record.model_copy(
            update={
                "settings": record.settings | {"seed": seed},
                "outputs": trial.outputs("prepare"),
                "result": result.model_dump(mode="json"),
            }
        )
    )


def _write_subset(
    base: RunFolder, trial: RunFolder, whole: PrepareResult, images: int, draw: int
) -> PrepareResult:
    data = read_data_set(base.path / whole.train_archive)
    patients = read_patients(base.folder_of("prepare") / "records.csv", data, "train")
    chosen = subset(patients, data.labels, images, draw)
    counts = Counter(data.labels[chosen].tolist())
    for number, name in enumerate(data.class_names):
        if not counts[number]:
            raise InputError(f"{images} images leave class '{name}' without any; begin with a larger size.")
    names = _write_archive(trial.path / whole.train_archive, data, chosen)
    _write_records(
        base.folder_of("prepare") / "records.csv", trial.folder_of("prepare") / "records.csv", names
    )
    known = {patients[position] for position in chosen if not patients[position].startswith(NO_PATIENT)}
    total = counted(whole.train_images, "training image")
    return whole.model_copy(
        update={
            "train_images": len(chosen),
            "patients": None if whole.patients is None else len(known),
            "class_counts": {
                name: parts | {"train": counts[number]}
                for number, (name, parts) in enumerate(whole.class_counts.items())
            },
            "notes": (
                f"A study left {len(chosen)} of {total} to learn from, drawn at random by patient; the hold-out is "
                "whole.",
                *whole.notes,
            ),
        }
    )


def _write_archive(path: Path, data: DataSet, chosen: NDArray[np.int64]) -> dict[str, str]:
    """Writes the chosen images; returns the new name of each."""
    with ArchiveWriter(path, data.class_names) as writer:
        return {
            data.names[at]: writer.add(data.pngs[at], int(data.labels[at]) if data.class_names else None)
            for at in map(int, chosen)
        }


def _write_records(source: Path, target: Path, names: dict[str, str]) -> None:
    """The table of images without those left out."""
    with source.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = [
            row | {"image": names.get(row["image"], row["image"])} if row["split"] == "train" else row
            for row in reader
            if row["split"] != "train" or row["image"] in names
        ]
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, list(reader.fieldnames or ()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(target, written.getvalue().encode())


def _link(source: Path, target: Path) -> None:
    """One file under two names where the disk can; a copy elsewhere."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
