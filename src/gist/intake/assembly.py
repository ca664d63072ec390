"""From finished pictures to a data set: duplicates out, split, classes numbered, order without meaning."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gist.errors import InputError
from gist.intake.advice import advice
from gist.intake.archive import Placed, write_outputs
from gist.intake.decoding import Finished
from gist.intake.deidentify import stable_draw
from gist.intake.duplicates import find_duplicates
from gist.intake.label_table import Split
from gist.intake.labelling import Labelled
from gist.intake.near_duplicates import near_copies
from gist.intake.resolution import Choice
from gist.intake.source import file_id
from gist.intake.split import Member, split_members
from gist.intake.spool import Spool
from gist.intake.vocabulary import Reason
from gist.results import PrepareResult
from gist.run_folder import RunFolder


@dataclass(frozen=True)
class DataSetPlan:
    """What goes where; nothing is written yet."""

    class_names: tuple[str, ...]
    accepted: tuple[Finished, ...]
    """Pictures of the data set in the order of the archives."""
    placed: tuple[Placed, ...]
    """Place of each accepted picture."""
    rejected: tuple[tuple[str, Reason], ...]
    """Salted file id and reason."""
    patients: int | None
    notes: tuple[str, ...]

    def write(self, run: RunFolder, spool: Spool, choice: Choice) -> PrepareResult:
        """Writes archives and tables and tells what they hold."""
        files = write_outputs(
            run.stage_folder("prepare"), self.placed, self.rejected, self.class_names, spool
        )
        counts = Counter((picture.class_index, picture.split) for picture in self.placed)
        splits = Counter(picture.split for picture in self.placed)
        class_counts = {
            name: {"train": counts[index, "train"], "test": counts[index, "test"]}
            for index, name in enumerate(self.class_names)
        }
        without_patient = sum(picture.patient is None for picture in self.placed)
        remarks = [picture.remarks for picture in self.accepted]
        notes = [choice.reason] if choice.reason else []
        notes += self.notes
        notes += advice(
            class_counts, splits["train"], splits["test"], self.patients, without_patient, remarks
        )
        digests = sorted(picture.file_sha256 for picture in self.accepted)
        return PrepareResult(
            resolution=choice.side,
            class_names=self.class_names,
            train_archive=run.relative(files.train),
            test_archive=None if files.test is None else run.relative(files.test),
            train_images=splits["train"],
            test_images=splits["test"],
            class_counts=class_counts,
            patients=self.patients,
            rejected=dict(sorted(Counter(reason.value for _, reason in self.rejected).items())),
            rejected_table=run.relative(files.rejected),
            source_digest=hashlib.sha256(b"".join(digests)).hexdigest(),
            upsampled=sum(picture.enlarged for picture in self.accepted),
            notes=tuple(notes),
        )


def assemble(
    labelled: Labelled,
    finished: Sequence[Finished],
    rejected: Sequence[tuple[str, Reason]],
    test_fraction: float,
    seed: int,
    salt: bytes,
    load_png: Callable[[int], bytes],
) -> DataSetPlan:
    """Decides which of the finished pictures, given in the order of the source, go where.

    `load_png` gives the PNG of a picture by its offset in the spool.

    Raises:
        InputError: nothing is left to train with.
    """
    duplicates = find_duplicates(finished)
    unique = [picture for position, picture in enumerate(finished) if position not in duplicates.aside]
    aside = [(finished[position], reason) for position, reason in duplicates.aside.items()]
    notes = [*labelled.notes, *duplicates.notes]
    patient_ids = _patient_ids(unique, notes)
    members = [
        _member(picture, patient_id, seed) for picture, patient_id in zip(unique, patient_ids, strict=True)
    ]
    division = split_members(members, test_fraction)
    notes.extend(division.notes)
    places = _without_near_copies(unique, division.places, load_png, notes)
    accepted: list[tuple[Finished, Placed]] = []
    class_names = _class_names(unique, places)
    for picture, patient_id, place in zip(unique, patient_ids, places, strict=True):
        if isinstance(place, Reason):
            aside.append((picture, place))
            continue
        name = file_id(salt, labelled.candidates[picture.candidate].file.relative)
        class_index = None if picture.class_name is None else class_names.index(picture.class_name)
        accepted.append((picture, Placed(picture.offset, place, class_index, name, patient_id)))
    if not any(place.split == "train" for _, place in accepted):
        raise InputError(
            "No image is left for training; look at the split column, the classes and the duplicates."
        )
    accepted.sort(key=lambda pair: pair[0].pixel_sha256)
    paths = [(labelled.candidates[picture.candidate].file.relative, reason) for picture, reason in aside]
    known = {patient_id for patient_id in patient_ids if patient_id is not None}
    return DataSetPlan(
        class_names=class_names,
        accepted=tuple(picture for picture, _ in accepted),
        placed=tuple(place for _, place in accepted),
        rejected=tuple((file_id(salt, relative), reason) for relative, reason in (*rejected, *paths)),
        patients=len(known) or None,
        notes=tuple(notes),
    )


def _without_near_copies(
    pictures: Sequence[Finished],
    places: Sequence[Split | Reason],
    load_png: Callable[[int], bytes],
    notes: list[str],
) -> list[Split | Reason]:
    test = [position for position, place in enumerate(places) if place == "test"]
    train = [position for position, place in enumerate(places) if place == "train"]
    found = near_copies(
        [pictures[position].thumbnail for position in test],
        [pictures[position].thumbnail for position in train],
        lambda number: load_png(pictures[test[number]].offset),
        lambda number: load_png(pictures[train[number]].offset),
    )
    kept = list(places)
    for number in found:
        kept[test[number]] = Reason.NEARLY_IN_TRAINING
    if found:
        notes.append(f"{len(found)} held-out images nearly equal a training image and were left out.")
    return kept


def natural_order(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sorting key under which 2 comes before 10."""
    parts = re.split(r"(\d+)", name.casefold())
    return (*((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts), (2, 0, name))


def _class_names(pictures: Sequence[Finished], places: Sequence[object]) -> tuple[str, ...]:
    """Classes with something to train on."""
    trained = {
        picture.class_name for picture, place in zip(pictures, places, strict=True) if place == "train"
    }
    return tuple(sorted((name for name in trained if name is not None), key=natural_order))


def _patient_ids(pictures: Sequence[Finished], notes: list[str]) -> list[str | None]:
    ids = [None if picture.patient is None else picture.patient.id for picture in pictures]
    from_files = {
        picture.patient.id for picture in pictures if picture.named_by_file and picture.patient is not None
    }
    if len(pictures) > 1 and len(from_files) == 1 and all(picture.named_by_file for picture in pictures):
        notes.append("All files carry one and the same patient id, so it was ignored.")
        return [None] * len(pictures)
    return ids


def _member(picture: Finished, patient_id: str | None, seed: int) -> Member:
    if patient_id is not None and picture.patient is not None:
        return Member(patient_id, picture.patient.draw, picture.class_name, picture.given)
    own = picture.pixel_sha256.hex()
    return Member(f"image {own}", stable_draw(seed, own), picture.class_name, picture.given)
