"""The kinds of artifact that a page asks for: by the part of the body, or in the user's own words."""

from __future__ import annotations

from collections.abc import Sequence

Kinds = dict[str, tuple[str, str]]
"""Key -> name, what it means; nothing for kinds in own words."""

NONE, OTHER = "none", "other"
KNEE: Kinds = {
    "joint": ("Joint formation", "joint space missing, doubled, fused or in the wrong place"),
    "blur": ("Blur", "the picture or a part of it is unsharp"),
    "curvature": ("Bone curvature", "a bone or its edge bends as bones do not"),
    "object": ("Small object", "a fragment, spot or shape that belongs to nothing"),
    "text": ("Marker text", "letters or a side marker, or what is left of them"),
}
"""The kinds that the paper on knees counts."""
_OF_PARTS: Kinds = {
    "osteophyte": ("Osteophyte", "a spur where none can grow, or one that hangs in the air"),
    "anatomy": ("Anatomy", "a part missing, doubled, fused or in the wrong place"),
    "outline": ("Outline", "an edge that breaks off, doubles or bends as anatomy does not"),
    "ribs": ("Ribs", "a rib missing, doubled, branching or ending where ribs do not"),
    "lungs": ("Lung markings", "vessels that end, repeat or run where vessels do not"),
    "heart": ("Heart and diaphragm", "a border broken, doubled or in the wrong place"),
    "digits": ("Small bones", "a finger, toe or small bone missing, doubled or fused"),
    "vertebrae": ("Vertebrae", "a vertebra missing, doubled, fused or out of line"),
    "discs": ("Disc spaces", "a disc space missing, doubled or in the wrong place"),
}
OTHER_KIND = ("Other", "anything else: say what in a few words")
NAMED: Kinds = KNEE | _OF_PARTS | {OTHER: OTHER_KIND}
"""Every kind that has a key of its own; a kind in own words is its own key."""

_COMMON = ("blur", "object", "text")
_BONES = ("joint", "curvature")
_GROUPS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("KNEE", "PATELLA"): ("joint", "blur", "curvature", "object", "text", "osteophyte"),
    ("CHEST", "RIB", "STERNUM"): ("ribs", "lungs", "heart", *_COMMON),
    ("HAND", "WRIST", "FINGER", "THUMB", "FOOT", "TOE", "ANKLE", "CALCANEUS"): ("digits", *_BONES, *_COMMON),
    ("CSPINE", "TSPINE", "LSPINE", "SSPINE", "SPINE", "SACRUM", "COCCYX", "NECK"): (
        "vertebrae",
        "discs",
        "curvature",
        *_COMMON,
    ),
    ("HIP", "PELVIS", "SHOULDER", "ELBOW", "CLAVICLE", "SCAPULA"): (*_BONES, *_COMMON),
    ("ARM", "FEMUR", "FOREARM", "HUMERUS", "LEG"): ("anatomy", "curvature", *_COMMON),
}
_GENERAL = ("anatomy", "outline", *_COMMON)
_BY_PART = {part: kinds for parts, kinds in _GROUPS.items() for part in parts}


def kinds_to_ask(body_part: str | None, own: Sequence[str] | None) -> Kinds:
    """The kinds of a page, in the order of their keys 1 to 9, without none and other, which every page has.

    Args:
        body_part: as DICOM calls it, such as KNEE; None, or one that is not known here, gives kinds for any radiograph.
        own: kinds in the user's words instead; one that is a key or a name of a known kind is that one.
    """
    if own is None:
        return {kind: NAMED[kind] for kind in _BY_PART.get(body_part or "", _GENERAL)}
    known = {word.casefold(): kind for kind, (name, _) in NAMED.items() for word in (kind, name)}
    asked = dict.fromkeys(known.get(kind.casefold(), kind) for kind in own)
    return {kind: NAMED.get(kind, (kind, "")) for kind in asked}


def name_of(kind: str) -> str:
    """A kind as pages and tables call it."""
    return NAMED[kind][0] if kind in NAMED else kind
