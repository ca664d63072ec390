"""Whether a class is called like the patient whose file is in it, however the two are spelled.

Whole names and numbers are compared: folded to letters without case, accents and national spellings, and to numbers
without leading zeros. A class called so for certain (*surely*) is a patient's own folder; a surname, initials or a
short number may be chance (*perhaps*), and `gist.intake.class_names` decides by what else is in the class.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple


class Naming(IntEnum):
    """How far the class of a file names the file's patient."""

    UNTOLD = 0
    """The file tells no patient."""
    NO = 1
    PERHAPS = 2
    SURELY = 3


class Identity(NamedTuple):
    """All by which a file tells whose it is."""

    names: tuple[str, ...] = ()
    """As DICOM writes persons (PS3.5 6.2.1): up to three spellings (`=`) of family, given and middle name (`^`)."""
    numbers: tuple[str, ...] = ()
    """Of the patient."""
    exams: tuple[str, ...] = ()
    """Numbers of the examination; those alone do not make a patient known."""


NOBODY = Identity()


_APOSTROPHES = re.compile("['`´‘’ʹʼ]")
_HUMP = re.compile(r"(?<=[^\W\d_])(?=[A-Z][a-z])")
_WORDS = re.compile(r"[^\W\d_]+|\d+")
_MOST_WORDS = 24
_LETTERS = str.maketrans(
    dict(zip("đðłøıħŧ", "ddloiht", strict=True))
    | {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ŋ": "n"}
    | {chr(code): chr(code - 0x60) for code in range(0x30A1, 0x30F7)}  # katakana -> hiragana
)
_SECOND_LETTERS = re.compile("(?<=[aou])e|(?<=a)a|(?<=d)j")
"""What ae, oe and ue have more than an umlaut without its dots, aa than a ring, dj than a bar."""
_IDEOGRAPHS = "\u2e80"
"""From here on letters of China, Japan and Korea, each of which tells as much as some of the others."""
_OF_ALPHABET = 3
_PART, _WHOLE, _INSIDE = 4, 6, 8
"""Letters from which a part of a name may be one word of several, a whole name may, and it is found within words."""
_CERTAIN, _DIGITS = 5, 4
"""Letters and digits, and digits alone, of a number that is nobody else's and no year."""


@lru_cache(maxsize=4096)
def naming(class_name: str, identity: Identity) -> Naming:
    """Whether a class is called like the person of `identity`."""
    text = _folded(class_name)
    exams = identity.exams if any(map(str.isdecimal, class_name)) else ()
    found = [_by_number(text, number) for number in (*identity.numbers, *exams)]
    found += [_by_name(text, *person) for name in identity.names for person in _persons(name)]
    told = Naming.NO if identity.names or identity.numbers else Naming.UNTOLD
    return max([told, *(one for one in found if one is not Naming.NO)])


class _Folded(NamedTuple):
    """A class name, to look for names and numbers in it."""

    spans: frozenset[str]
    """Every run of words, joined."""
    wholes: frozenset[str]
    letters: str
    """All words but numbers, joined."""


@lru_cache(maxsize=4096)
def _folded(text: str) -> _Folded:
    ways = _words(text), _words(text, zeros=False)
    runs = (run for way in ways for start in range(len(way)) for run in accumulate(way[start:]))
    letters = "".join(word for word in ways[0] if not word.isdecimal())
    return _Folded(frozenset(map(_agreed, runs)), _wholes(text), _agreed(letters))


def _wholes(text: str) -> frozenset[str]:
    """All words joined: numbers with the zeros before them, and without."""
    ways = _words(text), _words(text, zeros=False)
    return frozenset(_agreed("".join(way).lstrip("0") or "0") for way in ways)


def _words(text: str, zeros: bool = True) -> tuple[str, ...]:
    """Plain words and numbers, these with or without the zeros before them."""
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in apart if not unicodedata.combining(letter))
    text = _HUMP.sub(" ", _APOSTROPHES.sub("", text)).casefold().translate(_LETTERS)
    words = _WORDS.findall(unicodedata.normalize("NFC", text))[:_MOST_WORDS]
    return tuple(words if zeros else (word.lstrip("0") or "0" for word in words))


def _agreed(joined: str) -> str:
    """Spelled so that `Müller`, `Mueller` and `Muller` are one; joined first, as Maria Eva has no umlaut."""
    return _SECOND_LETTERS.sub("", joined)


def _by_number(text: _Folded, number: str) -> Naming:
    own, words = _wholes(number), _words(number, zeros=False)
    shared = max(own & (text.spans | text.wholes), key=len, default="")
    digits = max((word for word in words if word.isdecimal()), key=len, default="")
    if len(shared) >= _CERTAIN and sum(map(str.isdecimal, shared)) >= _DIGITS:
        return Naming.SURELY
    if len(shared) >= _PART or (words and own & text.wholes):
        return Naming.PERHAPS
    return Naming.PERHAPS if len(digits) >= _DIGITS and digits in text.spans else Naming.NO


def _persons(name: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]]:
    """Words of family, given and middle name, of each spelling."""
    for spelling in name.split("="):
        family, given, middle, *_ = (*(_words(part, zeros=False) for part in spelling.split("^")), (), (), ())
        if family or given:
            yield family, given, middle


def _by_name(
    text: _Folded, family: tuple[str, ...], given: tuple[str, ...], middle: tuple[str, ...]
) -> Naming:
    found = Naming.NO
    for order in {family + given, family + given[:1], family + given + middle}:
        turned = (_agreed("".join(order[start:] + order[:start])) for start in range(len(order)))
        for name in turned:
            if len(order) == 1 and not (name >= _IDEOGRAPHS and _weight(name) >= _INSIDE):
                continue  # a part at most
            inside = _weight(name) >= _INSIDE and any(name in joined for joined in text.wholes)
            if inside or name in text.spans:
                found = max(found, Naming.SURELY if _weight(name) >= _WHOLE else Naming.PERHAPS)
            elif _weight(text.letters) >= _WHOLE and name.startswith(text.letters):
                found = max(found, Naming.PERHAPS)  # as programs cut long names
        apart = len(order) > 1 and text.spans.issuperset(map(_agreed, order))
        if apart and min(map(_weight, order)) > 1 and _weight("".join(order)) >= _WHOLE:
            return Naming.SURELY
    parts = [_agreed(part) for part in _parts(family, given)]
    if any(
        part
        and (part == text.letters or part in text.wholes or (part in text.spans and _weight(part) >= _PART))
        for part in parts
    ):
        found = max(found, Naming.PERHAPS)
    return found


def _parts(family: tuple[str, ...], given: tuple[str, ...]) -> Iterator[str]:
    """What may stand for a person: one of the names, or one with the initials of the other."""
    yield from (*family, *given)
    for one, other in ((family, given), (given, family)):
        name, initials = "".join(one), "".join(word[0] for word in other)
        yield from (name, name + initials, initials + name, name + initials[:1], initials[:1] + name)


def _weight(text: str) -> int:
    return (
        len(text) if text.isascii() else sum(_OF_ALPHABET if letter >= _IDEOGRAPHS else 1 for letter in text)
    )
