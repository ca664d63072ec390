"""Pictures that occur more than once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gist.intake.deidentify import Patient
from gist.intake.parts import Split
from gist.numerals import counted
from gist.stages.vocabulary import WARNING, Reason

_PARTS: tuple[Split, ...] = ("train", "val", "test")


class Comparable(Protocol):
    """What is compared of a picture."""

    @property
    def pixel_sha256(self) -> bytes: ...

    @property
    def class_name(self) -> str | None: ...

    @property
    def patient(self) -> Patient | None: ...

    @property
    def given(self) -> Split | None: ...


@dataclass(frozen=True)
class Duplicates:
    """Positions to set aside, with the reason of each."""

    aside: dict[int, Reason]
    notes: tuple[str, ...]


def find_duplicates(pictures: Sequence[Comparable]) -> Duplicates:
    """Of pictures with equal pixels one is kept: of a ready-made split the one of the earliest part, of these the first
    whose patient is known, else the first. If their classes differ, none is."""
    groups: defaultdict[bytes, list[int]] = defaultdict(list)
    for position, picture in enumerate(pictures):
        groups[picture.pixel_sha256].append(position)
    aside: dict[int, Reason] = {}
    for positions in groups.values():
        if len({pictures[position].class_name for position in positions}) > 1:
            aside.update(dict.fromkeys(positions, Reason.CONFLICTING_LABELS))
        else:
            kept = min(
                positions,
                key=lambda at: (_PARTS.index(pictures[at].given or "train"), pictures[at].patient is None),
            )
            aside.update((position, Reason.DUPLICATE) for position in positions if position != kept)
    repeated = sum(reason is Reason.DUPLICATE for reason in aside.values())
    conflicting = len(aside) - repeated
    notes = []
    if repeated:
        notes.append(
            counted(repeated, "file shows", "files show")
            + " the same picture as another one; each picture was kept once."
        )
    if conflicting:
        notes.append(
            WARNING
            + counted(conflicting, "file shows", "files show")
            + " one picture under different classes; all of them were set aside."
        )
    return Duplicates(aside, tuple(notes))
