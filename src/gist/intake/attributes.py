"""DICOM attributes that users may name for classes and filters: technical ones, never those of a person.

pydicom is imported on first use, for most sources ask for none of them.
"""

from __future__ import annotations

from functools import lru_cache

from gist.errors import InputError

_SHORT_NAMES = {
    "body_part": "BodyPartExamined",
    "view": "ViewPosition",
    "side": "ImageLaterality",
    "laterality": "ImageLaterality",
    "sex": "PatientSex",
    "age": "PatientAge",
}
_CODES = frozenset({"CS"})
_NUMBERS = frozenset({"AS", "DS", "FD", "FL", "IS", "SL", "SS", "UL", "US"})
# Free text that describes the picture; other free text is where hospitals write names.
_DESCRIPTIONS = frozenset(
    {
        "AcquisitionDeviceProcessingDescription",
        "Manufacturer",
        "ManufacturerModelName",
        "ProtocolName",
        "RequestedProcedureDescription",
        "SeriesDescription",
        "StudyDescription",
    }
)


def attribute(name: str) -> str | None:
    """The DICOM keyword that `name` stands for: `body_part`, `view_position`, `ViewPosition`; None if none."""
    short = _SHORT_NAMES.get(name.casefold())
    return short or _keywords().get(name.replace("_", "").casefold())


def label_attribute(name: str) -> str:
    """The keyword of an attribute whose values may become class names.

    Raises:
        InputError: it is no DICOM attribute, or its values are not codes.
    """
    keyword = attribute(name)
    if keyword is None:
        raise InputError(f"prepare.label_tag: '{name}' is not a DICOM attribute; try BodyPartExamined.")
    if _kind(keyword) not in _CODES:
        raise InputError(
            f"prepare.label_tag: the values of {keyword} are no codes and could name a person, and class names "
            "are written everywhere; take a coded attribute such as BodyPartExamined or ViewPosition."
        )
    return keyword


def may_filter(keyword: str) -> bool:
    """Whether a filter on this attribute can be kept in a run folder without naming a person."""
    return _kind(keyword) in _CODES | _NUMBERS or keyword in _DESCRIPTIONS


def _kind(keyword: str) -> str:
    """Value representation."""
    from pydicom.datadict import dictionary_VR

    return str(dictionary_VR(keyword))


@lru_cache(maxsize=1)
def _keywords() -> dict[str, str]:
    from pydicom.datadict import keyword_dict

    return {keyword.casefold(): keyword for keyword in keyword_dict}
