"""From finished pictures to a data set: duplicates out, split, classes numbered, order without meaning."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gist.config import Config
from gist.errors import InputError
from gist.intake.advice import advice
from gist.intake.archive import Placed, write_outputs
from gist.intake.decoding import Finished
from gist.intake.deidentify import Patient, stable_draw
from gist.intake.duplicates import find_duplicates
from gist.intake.labelling import Labelled
from gist.intake.near_duplicates import Copy, near_copies, near_copies_within
from gist.intake.parts import Split
from gist.intake.resolution import Choice
from gist.intake.source import file_id
from gist.intake.split import Member, split_members, without_unseen_classes
from gist.intake.spool import Spool
from gist.intake.subgroups import safe_categories
from gist.numerals import counted
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareResult
from gist.stages.vocabulary import WARNING, Reason, Remark, serious_first


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
    subgroups: tuple[str, ...] = ()
    """Columns of the categories."""

    def write(self, run: RunFolder, spool: Spool, choice: Choice) -> PrepareResult:
        """Writes archives and tables and tells what they hold."""
        files = write_outputs(
            run.stage_folder("prepare"),
            self.placed,
            self.rejected,
            self.class_names,
            spool,
            self.subgroups,
        )
        counts = Counter((picture.class_index, picture.split) for picture in self.placed)
        splits = Counter(picture.split for picture in self.placed)
        parts: tuple[Split, ...] = ("train", "val", "test") if splits["val"] else ("train", "test")
        class_counts: dict[str, dict[str, int]] = {
            name: {part: counts[index, part] for part in parts} for index, name in enumerate(self.class_names)
        }
        without_patient = sum(picture.patient is None for picture in self.placed)
        remarks = [picture.remarks for picture in self.accepted]
        in_training = [
            of_one for of_one, place in zip(remarks, self.placed, strict=True) if place.split == "train"
        ]
        notes = [*self.notes]
        notes += advice(
            class_counts,
            splits["train"],
            splits["test"],
            self.patients,
            without_patient,
            remarks,
            in_training,
        )
        digests = sorted(picture.pixel_sha256 for picture in self.accepted)
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
            val_archive=None if files.val is None else run.relative(files.val),
            val_images=splits["val"],
            source_digest=hashlib.sha256(b"".join(digests)).hexdigest(),
            upsampled=sum(picture.enlarged for picture in self.accepted),
            body_part=_body_part(self.accepted),
            kind="image"
            if 2 * sum(Remark.NOT_RADIOGRAPH in one for one in remarks) > len(remarks)
            else "radiograph",
            notes=(*serious_first(notes), *([choice.reason] if choice.reason else [])),
        )


def _body_part(accepted: Sequence[Finished]) -> str | None:
    """What all pictures show, where every file says the same."""
    parts = {picture.body_part for picture in accepted}
    return parts.pop() if len(parts) == 1 else None


def assemble(
    labelled: Labelled,
    finished: Sequence[Finished],
    rejected: Sequence[tuple[str, Reason]],
    config: Config,
    salt: bytes,
    load_fine_structure: Callable[[int], bytes],
    notes_so_far: Sequence[str] = (),
) -> DataSetPlan:
    """Decides which of the finished pictures, given in the order of the source, go where.

    `load_fine_structure` gives that of a picture by its offset in the spool; `notes_so_far` is what decoding told.

    Raises:
        InputError: nothing is left to train with.
    """
    duplicates = find_duplicates(finished)
    unique = [picture for position, picture in enumerate(finished) if position not in duplicates.aside]
    aside = [(finished[position], reason) for position, reason in duplicates.aside.items()]
    notes = [*labelled.notes, *notes_so_far, *duplicates.notes]
    patient_ids = _patient_ids(unique, notes)
    together = _examinations(unique, patient_ids, notes)
    members = [
        _member(picture, patient_id, examination, config.seed)
        for picture, patient_id, examination in zip(unique, patient_ids, together, strict=True)
    ]
    copies: dict[int, Copy] = {}
    division = split_members(members, config.prepare.test_fraction, config.prepare.val_fraction)
    notes.extend(division.notes)
    places = list(division.places)
    if config.prepare.near_duplicates != "ignore":
        places, across = _apart(unique, places, load_fine_structure, notes)
        copies = _copies_within(unique, places, load_fine_structure)
        notes.extend(_mixed_polarity([*across, *copies.values()]))
        places = _told_or_removed(unique, places, copies, config.prepare.near_duplicates, notes)
        # What was removed may have been all that training had of a class.
        places = without_unseen_classes(members, places, notes)
    accepted: list[tuple[Finished, Placed]] = []
    class_names = _class_names(unique, places)
    names = [file_id(salt, labelled.candidates[picture.candidate].file.relative) for picture in unique]
    for position, (picture, place) in enumerate(zip(unique, places, strict=True)):
        if isinstance(place, Reason):
            aside.append((picture, place))
            continue
        class_index = None if picture.class_name is None else class_names.index(picture.class_name)
        copy_of = names[copies[position].original] if position in copies else None
        placed = Placed(
            picture.offset,
            place,
            class_index,
            names[position],
            patient_ids[position],
            copy_of,
            picture.shows_text,
            picture.columns,
        )
        accepted.append((picture, placed))
    if not any(place.split == "train" for _, place in accepted):
        raise InputError(
            "No image is left for training; look at the split column, the classes and the duplicates."
        )
    accepted.sort(key=lambda pair: pair[0].pixel_sha256)
    groups = safe_categories(
        config.prepare.subgroup_columns,
        [labelled.candidates[picture.candidate].groups for picture, _ in accepted],
        [place.patient or place.file for _, place in accepted],
        notes,
    )
    paths = [(labelled.candidates[picture.candidate].file.relative, reason) for picture, reason in aside]
    known = {patient_id for patient_id in patient_ids if patient_id is not None}
    return DataSetPlan(
        class_names=class_names,
        accepted=tuple(picture for picture, _ in accepted),
        placed=tuple(replace(place, groups=each) for (_, place), each in zip(accepted, groups, strict=True)),
        rejected=tuple((file_id(salt, relative), reason) for relative, reason in (*rejected, *paths)),
        patients=len(known) or None,
        notes=tuple(notes),
        subgroups=config.prepare.subgroup_columns,
    )


def _apart(
    pictures: Sequence[Finished],
    places: Sequence[Split | Reason],
    load: Callable[[int], bytes],
    notes: list[str],
) -> tuple[list[Split | Reason], list[Copy]]:
    """Takes out of val what is nearly in training, and out of test what is nearly in either; tells which those were."""
    kept = list(places)
    across: list[Copy] = []
    for part, others in (("val", ("train",)), ("test", ("train", "val"))):
        suspects = [position for position, place in enumerate(kept) if place == part]
        originals = [position for position, place in enumerate(kept) if place in others]
        found = near_copies(
            [pictures[position].thumbnail for position in suspects],
            [pictures[position].thumbnail for position in originals],
            _loader(pictures, suspects, load),
            _loader(pictures, originals, load),
        )
        across += found.values()
        for number in found:
            kept[suspects[number]] = Reason.NEARLY_IN_TRAINING
    left_out = kept.count(Reason.NEARLY_IN_TRAINING)
    if left_out:
        notes.append(
            counted(
                left_out,
                "held-out image nearly equals one of another part and was left out.",
                "held-out images nearly equal one of another part and were left out.",
            )
        )
    return kept, across


def _mixed_polarity(copies: Sequence[Copy]) -> list[str]:
    negatives = sum(copy.negative for copy in copies)
    if not negatives:
        return []
    return [
        f"{WARNING}{counted(negatives, 'image is the negative', 'images are negatives')} of another one: "
        "polarity is mixed, air is black in some images and white in others; bring all to one polarity, or a "
        "generator learns both."
    ]


def _copies_within(
    pictures: Sequence[Finished], places: Sequence[Split | Reason], load: Callable[[int], bytes]
) -> dict[int, Copy]:
    """Position of each picture that nearly equals an earlier one of its part -> that one."""
    copies: dict[int, Copy] = {}
    for part in ("train", "val", "test"):
        members = [position for position, place in enumerate(places) if place == part]
        thumbnails = [pictures[position].thumbnail for position in members]
        found = near_copies_within(thumbnails, _loader(pictures, members, load))
        copies.update(
            {
                members[number]: copy._replace(original=members[copy.original])
                for number, copy in found.items()
            }
        )
    return copies


def _told_or_removed(
    pictures: Sequence[Finished],
    places: Sequence[Split | Reason],
    copies: dict[int, Copy],
    choice: str,
    notes: list[str],
) -> list[Split | Reason]:
    if copies and choice == "remove":
        notes.append(
            counted(len(copies), "image nearly equals", "images nearly equal")
            + " another one; of each chain of such images one was kept."
        )
        return [Reason.NEAR_DUPLICATE if at in copies else place for at, place in enumerate(places)]
    if copies:
        differ = sum(
            pictures[one].class_name != pictures[copy.original].class_name for one, copy in copies.items()
        )
        of_them = f", {differ} of them one of another class" if differ else ""
        told = counted(
            len(copies),
            "image nearly equals another one of its part",
            "images nearly equal another one of their part",
        )
        notes.append(
            f"{WARNING if differ else ''}{told}{of_them}; records.csv tells which under near_copy_of, "
            "and prepare.near_duplicates=remove keeps one of each chain."
        )
    return list(places)


def _loader(
    pictures: Sequence[Finished], positions: Sequence[int], load: Callable[[int], bytes]
) -> Callable[[int], bytes]:
    return lambda number: load(pictures[positions[number]].offset)


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


def _examinations(
    pictures: Sequence[Finished], patient_ids: Sequence[str | None], notes: list[str]
) -> list[Patient | None]:
    """Of each picture without a patient the examination, unless all are of the same one."""
    found = [
        picture.examination if patient_id is None else None
        for picture, patient_id in zip(pictures, patient_ids, strict=True)
    ]
    distinct = {examination.id for examination in found if examination is not None}
    together = len(pictures) - found.count(None)
    if len(distinct) == 1 or len(distinct) == together:
        return [None] * len(pictures)
    notes.append(
        f"{together} images without a known patient were split by their {len(distinct)} examinations "
        "(StudyInstanceUID): those of one examination stay together, those of one patient may not."
    )
    return found


def _member(picture: Finished, patient_id: str | None, examination: Patient | None, seed: int) -> Member:
    if patient_id is not None and picture.patient is not None:
        return Member(patient_id, picture.patient.draw, picture.class_name, picture.given)
    if examination is not None:
        return Member(f"examination {examination.id}", examination.draw, picture.class_name, picture.given)
    own = picture.pixel_sha256.hex()
    return Member(f"image {own}", stable_draw(seed, own), picture.class_name, picture.given)
