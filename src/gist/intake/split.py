"""Train or test: by patient, and so that new files never move old ones."""

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


def split_members(members: Sequence[Member], test_fraction: float) -> Division:
    """Holds out the groups whose draw lies below `test_fraction`, or follows a given split that has a hold-
    out.

    A group's draw depends on nothing but the seed and itself, so every class is thinned alike in expectation
    and a file added later moves no other; a quota per class could not promise that. Two exceptions keep tiny
    sets usable: with two groups or more, the lowest draw is held out if none else is, and the highest stays
    for training. Classes that training lacks are left out of the hold-out.
    """
    notes: list[str] = []
    if any(member.given == "test" for member in members):
        places = _as_given(members, notes)
    else:
        places = _by_draw(members, test_fraction)
    return Division(tuple(_without_unseen_classes(members, places, notes)), tuple(notes))


def _by_draw(members: Sequence[Member], test_fraction: float) -> list[Split | Reason]:
    draws = {member.group: member.draw for member in members}
    held_out = {group for group, draw in draws.items() if draw < test_fraction}
    if test_fraction > 0 and len(draws) >= 2:
        ordered = sorted(draws, key=lambda group: (draws[group], group))
        held_out.add(ordered[0])
        held_out.discard(ordered[-1])
    return ["test" if member.group in held_out else "train" for member in members]


def _as_given(members: Sequence[Member], notes: list[str]) -> list[Split | Reason]:
    training = {member.group for member in members if member.given == "train"}
    places: list[Split | Reason] = []
    for member in members:
        crosses = member.given == "test" and member.group in training
        places.append(Reason.PATIENT_IN_TRAINING if crosses else member.given or "train")
    notes.append("The split of the label table was used; its val and test images together are the hold-out.")
    crossing = places.count(Reason.PATIENT_IN_TRAINING)
    if crossing:
        notes.append(
            f"{crossing} images of the given hold-out show patients of the training part and were left out."
        )
    return places


def _without_unseen_classes(
    members: Sequence[Member], places: list[Split | Reason], notes: list[str]
) -> list[Split | Reason]:
    trained = {member.class_name for member, place in zip(members, places, strict=True) if place == "train"}
    unseen = set()
    for position, member in enumerate(members):
        if places[position] == "test" and member.class_name not in trained:
            places[position] = Reason.CLASS_NOT_TRAINED
            unseen.add(member.class_name)
    count = places.count(Reason.CLASS_NOT_TRAINED)
    if count:
        classes = "1 class" if len(unseen) == 1 else f"{len(unseen)} classes"
        notes.append(
            f"{count} held-out images are of {classes} without any training image and were left out."
        )
    return places
