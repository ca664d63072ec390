"""Train, val or test: by patient, and so that new files never move old ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gist.intake.label_table import Split
from gist.intake.vocabulary import Reason


@dataclass(frozen=True, slots=True)
class Member:
    """An accepted picture as the split sees it."""

    group: str
    """Salted patient id, or something of the picture's own where no patient is known."""
    draw: float
    """In [0, 1), the group's own: a function of the seed and the patient only."""
    class_name: str | None
    given: Split | None
    """A ready-made split, which is honoured."""


@dataclass(frozen=True)
class Division:
    """The outcome of a split."""

    places: tuple[Split | Reason, ...]
    """For each member its part, or why it is in none."""
    notes: tuple[str, ...]


def split_members(members: Sequence[Member], test_fraction: float, val_fraction: float = 0.0) -> Division:
    """Groups whose draw lies below `test_fraction` are for test, the next `val_fraction` for val, the rest for
    training; a given split that holds something out is followed instead.

    A group's draw depends on nothing but the seed and itself, so every class is thinned alike in expectation
    and a file added later moves no other; a quota per class could not promise that. Two exceptions keep tiny
    sets usable: with two groups or more, the lowest draw is held out if none else is, and the highest stays
    for training. Classes that training lacks are left out of the other parts.
    """
    notes: list[str] = []
    if any(member.given in ("val", "test") for member in members):
        places = _as_given(members, notes)
    else:
        places = _by_draw(members, test_fraction, val_fraction)
    return Division(tuple(without_unseen_classes(members, places, notes)), tuple(notes))


def _by_draw(members: Sequence[Member], test_fraction: float, val_fraction: float) -> list[Split | Reason]:
    draws = {member.group: member.draw for member in members}
    parts: dict[str, Split] = {}
    for group, draw in draws.items():
        held_out = draw < test_fraction + val_fraction
        parts[group] = "test" if draw < test_fraction else "val" if held_out else "train"
    if test_fraction > 0 and len(draws) >= 2:
        ordered = sorted(draws, key=lambda group: (draws[group], group))
        parts[ordered[0]] = "test"
        parts[ordered[-1]] = "train"
    return [parts[member.group] for member in members]


def _as_given(members: Sequence[Member], notes: list[str]) -> list[Split | Reason]:
    """A patient in several parts stays in the first of train, val and test; val without test is the hold-out."""
    only_val = all(member.given != "test" for member in members)
    notes.append(
        "The ready-made split was used; it has no test part, so its val images are the hold-out."
        if only_val
        else "The ready-made split was used."
    )
    given: list[Split] = [
        "test" if only_val and member.given == "val" else member.given or "train" for member in members
    ]
    order: tuple[Split, ...] = ("train", "val", "test")
    first = {
        member.group: part
        for wanted in reversed(order)
        for member, part in zip(members, given, strict=True)
        if part == wanted
    }
    places: list[Split | Reason] = [
        part if part == first[member.group] else Reason.PATIENT_IN_TRAINING
        for member, part in zip(members, given, strict=True)
    ]
    crossing = places.count(Reason.PATIENT_IN_TRAINING)
    if crossing:
        notes.append(
            f"{crossing} images of the given hold-out show patients of another part and were left out."
        )
    return places


def without_unseen_classes(
    members: Sequence[Member], places: Sequence[Split | Reason], notes: list[str]
) -> list[Split | Reason]:
    """Places without the held-out members of classes that training lacks; a note tells how many there were."""
    trained = {member.class_name for member, place in zip(members, places, strict=True) if place == "train"}
    kept = list(places)
    unseen = []
    for position, member in enumerate(members):
        if kept[position] in ("val", "test") and member.class_name not in trained:
            kept[position] = Reason.CLASS_NOT_TRAINED
            unseen.append(member.class_name)
    if unseen:
        classes = "1 class" if len(set(unseen)) == 1 else f"{len(set(unseen))} classes"
        notes.append(
            f"{len(unseen)} held-out images are of {classes} without any training image and were left out."
        )
    return kept
