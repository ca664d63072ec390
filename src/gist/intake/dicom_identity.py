"""All by which a DICOM file tells whose it is. It stays in the decoding process, to be held against class names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from gist.intake.patient_names import Identity

_NAMES = ("PatientName", "OtherPatientNames", "PatientBirthName")
_NUMBERS = ("PatientID", "OtherPatientIDs")
_EXAMS = ("AccessionNumber", "StudyInstanceUID", "SeriesInstanceUID")
_UNDECLARED = ("utf-8", "cp1252", "gb18030", "shift_jis", "euc_kr", "cp1251")
"""In which names are written where software forgets to declare their letters."""


def identity(dataset: Dataset) -> Identity:
    """Names and numbers of the patient and the examination, as texts without outer spaces."""
    others = (item.get("PatientID") for item in dataset.get("OtherPatientIDsSequence") or ())
    return Identity(
        names=_texts(
            spelled for key in _NAMES for one in _values(dataset.get(key)) for spelled in _spelled(one)
        ),
        numbers=_texts((*(one for key in _NUMBERS for one in _values(dataset.get(key))), *others)),
        exams=_texts(one for key in _EXAMS for one in _values(dataset.get(key))),
    )


def _values(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, MultiValue) else (value,)


def _spelled(name: Any) -> Iterator[str]:
    """A name as declared, and where it has more than ASCII in all that its bytes may mean."""
    yield str(name or "")
    written = getattr(name, "original_string", b"")
    if isinstance(written, bytes) and not written.isascii():
        for encoding in _UNDECLARED:
            yield written.decode(encoding, "ignore")


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for value in values if (text := str(value or "").strip())))
