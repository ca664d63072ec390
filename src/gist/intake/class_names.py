"""What class names must pass before they are written or told: one spelling for each class, and none a patient's."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from gist.intake.deidentify import Patient
from gist.intake.folder_labels import Rows
from gist.intake.patient_names import Naming
from gist.numerals import counted


def plain(name: str) -> str:
    """A class name without what differs between two hospitals, or two disks: capitals, spaces, composed letters."""
    return unicodedata.normalize("NFC", " ".join(name.split()).casefold())


def one_spelling(counts: Mapping[str, int], chosen: Collection[str], notes: list[str]) -> dict[str, str]:
    """Class names -> the spelling under which they are one class; those that stay as they are left out.

    That is the one of `chosen` (prepare.classes), else the most frequent; what `chosen` itself tells apart stays apart.
    """
    spellings: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(counts):
        spellings[plain(name)].append(name)
    one: dict[str, str] = {}
    for key, names in spellings.items():
        wanted = [name for name in chosen if plain(name) == key]
        best = wanted[0] if wanted else max(names, key=counts.__getitem__)
        if len(wanted) < 2:
            one.update({name: best for name in names if name != best})
    if one:
        told = counted(len(one), "class name", "class names")
        notes.append(f"{told} with other capitals or spaces than another one: read as one class with that.")
    return one


def in_one_spelling(rows: Rows, chosen: Collection[str], notes: list[str]) -> Rows:
    """The same files with each class in one spelling; a note tells how many class names have changed."""
    counts = Counter(row.label for _, row in rows if row.label is not None)
    one = one_spelling(counts, chosen, notes)
    if not one:
        return rows
    return [(file, replace(row, label=one.get(row.label or "", row.label))) for file, row in rows]


@dataclass(frozen=True)
class ClassNames:
    """How classes may be called in what is written and told."""

    of_patients: frozenset[str]
    """Names of classes that are called like a patient: those are left out and never told."""
    others: frozenset[str]
    """Names of all other classes into whose files somebody has looked."""
    spelled: Mapping[str, str]
    """Name -> the spelling of its class, where that is another."""

    def told(self, name: str | None) -> str | None:
        """The name of a class as it is told, None for one that is not to be."""
        return self.spelled.get(name, name) if name in self.others else None

    def counts(self, counts: Mapping[str | None, int]) -> Counter[str | None]:
        """The same counts under the names that are told."""
        told: Counter[str | None] = Counter()
        for name, count in counts.items():
            told[self.told(name)] += count
        return told


class SeenClasses:
    """Gathers what files say of their classes, one by one."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._namings: defaultdict[str, set[Naming]] = defaultdict(set)
        self._patients: defaultdict[str | None, set[Patient | None]] = defaultdict(set)

    def add(self, class_name: str | None, naming: Naming, patient: Patient | None) -> None:
        """What one file says; `patient` is None where only the name is known."""
        key = None if class_name is None else plain(class_name)
        if class_name is not None and key is not None:
            self._counts[class_name] += 1
            self._namings[key].add(naming)
        if naming is not Naming.UNTOLD:
            self._patients[key].add(patient)

    def names(self, chosen: Collection[str], notes: list[str]) -> ClassNames:
        """What follows from all files; `chosen` is prepare.classes.

        A class is called like a patient where one of its files says so for certain. It is, too, where files say
        *perhaps* and all tell one patient, unless it is in `chosen`, or all files of the source tell that patient, as
        pseudonyms do, in classes that are called otherwise, too.
        """
        certain = {key for key, told in self._namings.items() if Naming.SURELY in told}
        likely = {
            key for key, told in self._namings.items() if Naming.PERHAPS in told and self._tells_one(key)
        }
        everybody = set().union(*self._patients.values())
        if len(everybody) == 1 and any(Naming.NO in told for told in self._namings.values()):
            likely = set()
        keys = certain | likely - set(map(plain, chosen))
        if keys:
            notes.append(
                f"{counted(len(keys), 'class was', 'classes were')} left out, called like the patient of the files "
                "inside; rename it, or list it in prepare.classes if only part of a name or a short number agrees by "
                "chance."
            )
        of_patients = frozenset(name for name in self._counts if plain(name) in keys)
        others = {name: count for name, count in self._counts.items() if name not in of_patients}
        return ClassNames(of_patients, frozenset(others), one_spelling(others, chosen, notes))

    def _tells_one(self, key: str) -> bool:
        """Whether the files of a class tell one patient; where that is by names alone, all must say *perhaps*."""
        patients = self._patients[key]
        return len(patients) == 1 and (None not in patients or Naming.NO not in self._namings[key])
