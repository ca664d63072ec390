"""All candidates through the guarded decoder into the spool, or out with a reason."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from PIL import Image

from gist.images.png import as_grey_unit
from gist.intake.class_names import SeenClasses, plain
from gist.intake.decode_job import Accepted, JobSettings, Row, Task
from gist.intake.deidentify import Patient, salted_id
from gist.intake.fine_structure import fine_structure
from gist.intake.guarded_decode import Crew, Job
from gist.intake.labelling import Candidate, Labelled, class_balance
from gist.intake.parts import Split
from gist.intake.patient_names import Naming
from gist.intake.record_table import picture_part
from gist.intake.spool import Spool
from gist.progress import Progress
from gist.stages.vocabulary import Reason, Remark
from gist.version import __version__

_LOOKED_AT = 400
_OF_EACH_CLASS = 3


@dataclass(frozen=True, slots=True)
class Finished:
    """A decoded picture: what is needed of it until it is written; the rest waits in the spool."""

    candidate: int
    """Position among the candidates."""
    offset: int
    """Where the spool holds it."""
    pixel_sha256: bytes
    thumbnail: bytes
    class_name: str | None
    patient: Patient | None
    """As the label table or the file name says, else as the file itself does."""
    named_by_file: bool
    """The patient comes from the file itself."""
    examination: Patient | None
    given: Split | None
    enlarged: bool
    remarks: tuple[Remark, ...]
    shows_text: bool
    columns: str
    """Its part of its row in records.csv."""
    naming: Naming
    body_part: str | None


def look_at_sample(
    labelled: Labelled, settings: JobSettings, crew: Crew, *, most: int = _LOOKED_AT, task: Task = "look"
) -> Iterator[tuple[Candidate, Accepted | Reason]]:
    """Headers, or what decoding tells, of up to `most` candidates, by a hash of their paths, but some of each class."""

    def order(candidate: Candidate) -> bytes:
        return hashlib.sha256(candidate.file.relative.encode("utf-8", "surrogateescape")).digest()

    taken: Counter[str | None] = Counter()

    def can_wait(candidate: Candidate) -> bool:
        taken[candidate.class_name] += 1
        return taken[candidate.class_name] > _OF_EACH_CLASS

    sample = sorted(sorted(labelled.candidates, key=order), key=can_wait)[:most]
    jobs = (_job(key, one, labelled) for key, one in enumerate(sample))
    for outcomes in crew.run(jobs, len(sample), task, settings):
        for outcome in outcomes:
            yield sample[outcome.key], outcome.accepted or outcome.reason or Reason.DAMAGED


def spool_key(settings: JobSettings, salt: bytes) -> dict[str, Any]:
    """What finished pictures depend on besides their file; the salt itself does not go to disk."""
    values = {name: getattr(settings, name) for name in settings.__dataclass_fields__ if name != "salt"}
    values["salt"] = hashlib.sha256(b"spool" + salt).hexdigest()[:16]
    values["software"] = [__version__, *map(version, ("numpy", "pillow", "pydicom"))]
    return values


def decode_candidates(
    labelled: Labelled,
    classes: Collection[str] | None,
    settings: JobSettings,
    salt: bytes,
    spool: Spool,
    crew: Crew,
    progress: Progress,
) -> tuple[list[Finished], list[tuple[str, Reason]], list[str]]:
    """Decodes what the spool does not hold yet; `classes` are those to keep, where files give their own.

    Returns the finished pictures in the order of the source, (relative path, reason) of the files set aside,
    and what the filter did in words.
    """
    candidates = labelled.candidates
    finished = _earlier(candidates, salt, spool)
    aside: list[tuple[str, Reason]] = []
    waiting = [position for position in range(len(candidates)) if position not in finished]
    jobs = (_job(position, candidates[position], labelled) for position in waiting)
    done, total = len(finished), len(candidates)
    progress.advance(done, total, "images")
    balance = Counter(picture.class_name for picture in finished.values())
    filtered: Counter[str | None] = Counter()
    seen = SeenClasses()
    for picture in finished.values():
        seen.add(picture.class_name, picture.naming, picture.patient)
    for outcomes in crew.run(jobs, len(waiting), "decode", settings):
        for outcome in outcomes:
            candidate, accepted = candidates[outcome.key], outcome.accepted
            reason = outcome.reason if accepted is None else _reason_against(accepted, labelled, classes)
            if accepted is not None:
                counts = balance if accepted.kept else filtered
                counts[candidate.class_name or accepted.label] += 1
                seen.add(*said_of_class(candidate, accepted))
            if accepted is None or reason is not None:
                aside.append((candidate.file.relative, reason or Reason.DAMAGED))
            else:
                text = b'["%s",%s]' % (_spool_name(candidate, salt).encode(), outcome.text)
                offset = spool.append(text, outcome.png)
                finished[outcome.key] = _finished(outcome.key, candidate, accepted, offset)
        spool.flush()  # what is told to be done survives a kill
        done += len(outcomes)
        progress.advance(done, total, "images", f"{len(aside)} set aside" if aside else "")
    notes: list[str] = []
    names = seen.names(classes or (), notes)
    if settings.where is not None or labelled.filtered is not None:
        before, after = labelled.filtered or (balance + filtered, balance)
        notes.append(class_balance(names.counts(before), names.counts(after)))
    pictures = []
    for position in sorted(finished):
        picture = finished[position]
        if picture.class_name in names.of_patients:
            aside.append((candidates[position].file.relative, Reason.CLASS_IS_PATIENT))
        else:
            pictures.append(replace(picture, class_name=names.told(picture.class_name)))
    return pictures, aside, notes


def said_of_class(candidate: Candidate, accepted: Accepted) -> tuple[str | None, Naming, Patient | None]:
    """The class of a file, whether it is called like the file's patient, and who that is."""
    class_name = candidate.class_name or accepted.label
    return class_name, max(candidate.naming, accepted.naming), candidate.patient or accepted.patient


def fine_structure_of(spool: Spool, offset: int) -> bytes:
    """The fine structure of the finished picture at an offset of the spool."""
    with Image.open(io.BytesIO(spool.png(offset))) as image:
        return fine_structure(as_grey_unit(np.asarray(image)))


def _job(key: int, candidate: Candidate, labelled: Labelled) -> Job:
    file = candidate.file
    row = Row(
        candidate.class_name or "", candidate.side, candidate.values, candidate.named_mask, candidate.frame
    )
    if file.archive:
        return Job(key, file.archive, file.bytes, file.target or file.relative, row)
    return Job(key, labelled.listing.path(file), file.bytes, row=row)


def _reason_against(accepted: Accepted, labelled: Labelled, classes: Collection[str] | None) -> Reason | None:
    if accepted.naming is Naming.SURELY:
        return Reason.CLASS_IS_PATIENT
    if not accepted.kept:
        return Reason.FILTERED_OUT
    if labelled.origin != "tag":
        return None
    if accepted.label is None:
        return Reason.NO_LABEL_TAG
    return (
        None if classes is None or plain(accepted.label) in set(map(plain, classes)) else Reason.OTHER_CLASS
    )


def _earlier(candidates: Sequence[Candidate], salt: bytes, spool: Spool) -> dict[int, Finished]:
    positions: dict[str, int] = {}
    finished = {}
    for offset, (name, told) in spool.earlier_records():
        if not positions:
            positions = {_spool_name(candidate, salt): at for at, candidate in enumerate(candidates)}
        position = positions.get(name)
        if position is not None:
            accepted = Accepted.from_json(told)
            finished[position] = _finished(position, candidates[position], accepted, offset)
    return finished


def _finished(position: int, candidate: Candidate, accepted: Accepted, offset: int) -> Finished:
    return Finished(
        candidate=position,
        offset=offset,
        pixel_sha256=bytes.fromhex(accepted.pixel_sha256),
        thumbnail=bytes.fromhex(accepted.thumbnail),
        class_name=candidate.class_name or accepted.label,
        patient=candidate.patient or accepted.patient,
        named_by_file=candidate.patient is None and accepted.patient is not None,
        examination=accepted.examination,
        given=candidate.split,
        enlarged=accepted.enlarged,
        remarks=accepted.remarks,
        shows_text=Remark.BURNED_IN in accepted.remarks or bool(accepted.facts and accepted.facts.text),
        columns=picture_part(accepted),
        naming=max(candidate.naming, accepted.naming),
        body_part=accepted.body_part,
    )


def _spool_name(candidate: Candidate, salt: bytes) -> str:
    """Identifies a file, its state and what was said of it without naming it."""
    file = candidate.file
    said = (
        *(candidate.class_name, candidate.side, sorted(candidate.values.items()), candidate.named_mask),
        *(() if candidate.frame is None else (candidate.frame,)),
    )
    return salted_id(salt, "spool", repr((file.relative, file.bytes, file.state, said)))
