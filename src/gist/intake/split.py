"""Train, val or test: by patient, and in larger sets so that new files do not move old ones."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gist.intake.parts import Split
from gist.numerals import counted
from gist.stages.vocabulary import Reason

_MANY = 200
"""Groups from which draws alone hold out a fraction to within three points or so (standard deviation at a fifth)."""


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
    """Whole groups are held out, by their draws and so that every class is held out and trained on if it can be; a
    given split that holds something out is followed instead.

    With _MANY groups or more, those whose draw lies below `test_fraction` are for test, the next `val_fraction` for
    val: a draw depends on nothing but the seed and the group itself, so every class is thinned alike in expectation and
    a file added later moves no other. With fewer, chance would miss the fractions by far, and the lowest draws of each
    class fill them image by image. In either case a class of two groups or more has one in test and one in training (a
    class of three or more one in val, too), and a class of one group is trained on, even where that misses a fraction.
    """
    notes: list[str] = []
    if any(member.given in ("val", "test") for member in members):
        places = _as_given(members, notes)
    else:
        places = _by_draw(members, test_fraction, val_fraction)
    return Division(tuple(without_unseen_classes(members, places, notes)), tuple(notes))


def _by_draw(members: Sequence[Member], test_fraction: float, val_fraction: float) -> list[Split | Reason]:
    groups = _groups(members)
    few = len(groups) < _MANY
    drawn = [group for group in groups if group.draw < test_fraction]
    test = _held_out(groups, test_fraction, None if few else drawn)
    rest = [group for group in groups if group.name not in test]
    drawn = [group for group in rest if group.draw < test_fraction + val_fraction]
    val = _held_out(rest, val_fraction / (1 - test_fraction), None if few else drawn)
    return ["test" if one.group in test else "val" if one.group in val else "train" for one in members]


@dataclass(frozen=True, slots=True)
class _Group:
    """Members that stay together."""

    name: str
    draw: float
    images: Counter[str | None]
    """Of each class."""


def _groups(members: Sequence[Member]) -> list[_Group]:
    """In the order of their draws, so that that of the members does not matter."""
    images: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    for member in members:
        images[member.group][member.class_name] += 1
    draws = {member.group: member.draw for member in members}
    ordered = sorted(draws, key=lambda name: (draws[name], name))
    return [_Group(name, draws[name], images[name]) for name in ordered]


def _held_out(groups: Sequence[_Group], fraction: float, drawn: Sequence[_Group] | None) -> set[str]:
    """Names of groups to hold out: those drawn; without a draw as many as come near the fraction of each class, then of
    all. Either way training keeps a group of every class, and a class that would have none held out gives one."""
    if fraction <= 0:
        return set()
    of_class: defaultdict[str | None, list[_Group]] = defaultdict(list)
    missing: defaultdict[str | None, float] = defaultdict(float)  # images to be held out yet
    for group in groups:
        for name, images in group.images.items():
            of_class[name].append(group)
            missing[name] += fraction * images
    trained = {name: len(of_class[name]) for name in of_class}
    held: set[str] = set()

    def hold(of_groups: Iterable[_Group], most: int | None = None) -> None:
        """Of these groups those, the first `most` of them, without which training still has all their classes."""
        for group in of_groups:
            if most == 0:
                return
            if group.name not in held and all(trained[name] > 1 for name in group.images):
                held.add(group.name)
                for name, images in group.images.items():
                    missing[name] -= images
                    trained[name] -= 1
                most = None if most is None else most - 1

    hold(drawn or ())
    for name in sorted(of_class, key=lambda name: (len(of_class[name]), name or "")):
        its_own = of_class[name]
        if drawn is None:
            hold(one for one in its_own if all(missing[of] >= images for of, images in one.images.items()))
        if trained[name] == len(its_own):
            excess = [max(0.0, group.images[name] - missing[name]) for group in its_own]
            hold((its_own[at] for at in np.argsort(excess, kind="stable")), most=1)
    if drawn is None:
        hold(
            one
            for one in groups
            if all(missing[name] > 0 for name in one.images)
            and one.images.total() <= 2 * sum(missing.values())
        )
    return held


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
            counted(
                crossing,
                "image of the given hold-out shows a patient of another part and was left out.",
                "images of the given hold-out show patients of another part and were left out.",
            )
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
        classes = counted(len(set(unseen)), "class", "classes")
        left_out = "was left out" if len(unseen) == 1 else "were left out"
        told = counted(len(unseen), "held-out image is", "held-out images are")
        notes.append(f"{told} of {classes} without any training image and {left_out}.")
    return kept
