"""Which categories of the label table may stand beside images without telling who a patient is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from gist.errors import InputError
from gist.numerals import counted

LEAST_PATIENTS = 5
"""Of a category; one that fewer share could point to them."""
MOST_CATEGORIES = 20
_LONGEST, _WORDS = 24, 3
_OF_A_PERSON = re.compile(r"[\^,@]|\d{5}|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}")
"""Signs of names, numbers of patients and dates."""


def safe_categories(
    columns: Sequence[str],
    groups_N: Sequence[tuple[str, ...]],
    owners_N: Sequence[str],
    notes: list[str],
) -> list[tuple[str, ...]]:
    """The category of each image in each column, empty where fewer than `LEAST_PATIENTS` owners share it.

    An owner is a patient, or an image of which no patient is known. Adds to the notes what was emptied.
    """
    if not columns:
        return [()] * len(groups_N)
    told = []
    for number, column in enumerate(columns):
        spelling: dict[str, str] = {}
        words = [
            spelling.setdefault(groups[number].casefold(), groups[number]) if groups else ""
            for groups in groups_N
        ]
        owners: defaultdict[str, set[str]] = defaultdict(set)
        for word, owner in zip(words, owners_N, strict=True):
            owners[word].add(owner)
        rare = {word for word, of_it in owners.items() if word and len(of_it) < LEAST_PATIENTS}
        if rare:
            images = sum(word in rare for word in words)
            notes.append(
                f"{counted(images, 'image')} of “{column}” in {counted(len(rare), 'category', 'categories')} with "
                f"fewer than {LEAST_PATIENTS} patients count as unknown, as so few could be recognised by it."
            )
        told.append(["" if word in rare else word for word in words])
    return list(zip(*told, strict=True))


def check_categories(column: str, words: set[str]) -> None:
    """Raises InputError where the values of a column are many, free text, dates, or numbers as of patients."""
    words = {word.casefold() for word in words} - {""}
    if len(words) > MOST_CATEGORIES:
        raise InputError(
            f"prepare.subgroup_columns: the column '{column}' holds {len(words)} different values, and at most "
            f"{MOST_CATEGORIES} are categories; write bands, such as 60-69 for an age."
        )
    if any(len(word) > _LONGEST or len(word.split()) > _WORDS or _OF_A_PERSON.search(word) for word in words):
        raise InputError(
            f"prepare.subgroup_columns: the column '{column}' holds free text, dates or long numbers, which could name "
            "a person in the run folder; write short categories, such as F, 60-69 or ward B."
        )
