"""Which part of the body exported images show, as far as it is known, and how DICOM says so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gist.config import Config
from gist.errors import InputError
from gist.intake.attributes import attribute
from gist.runs.folder import RunFolder
from gist.runs.text_flags import TABLE
from gist.stages.vocabulary import Remark

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Side = Literal["left", "right", "both"]
_SIDES: dict[str, Side] = {"L": "left", "LEFT": "left", "R": "right", "RIGHT": "right", "B": "both"}
_CODE = re.compile(r"[A-Z0-9_ ]{1,16}")
# Terms of PS3.16 annex L for parts of plain radiographs of which there is one: no side, not even an unknown one.
_UNPAIRED = re.compile(
    r"(ABDOMEN|CHEST|HEAD|NECK)\w*|[CLST]{0,2}SPINE|COCCYX|FACE|HEART|JAW|MAXILLA|MEDIASTINUM|NOSE|PELVIS|SKULL|STERNUM"
    r"|STOMACH|TRACHEA|WHOLEBODY"
)


@dataclass(frozen=True)
class Anatomy:
    """What of the body an image shows."""

    body_part: str | None = None
    """Value of BodyPartExamined, such as KNEE; None where unknown."""
    side: Side | None = None
    """None where unknown."""

    def declare(self, image: Dataset) -> None:
        """Writes it into a DICOM image: Laterality is of type 2C, empty where unknown (PS3.3 C.7.3.1, C.7.6.1)."""
        if self.body_part is not None:
            image.BodyPartExamined = self.body_part
        if _UNPAIRED.fullmatch(self.body_part or ""):
            return
        if self.side == "both":  # for which Laterality has no code
            image.ImageLaterality = "B"
        else:
            image.Laterality = self.side[0].upper() if self.side else ""


def asked_anatomy(body_part: str | None, side: Side | None) -> Anatomy:
    """What the user says of all images.

    Raises:
        InputError: the body part is no code of DICOM, or has no sides.
    """
    part = None if body_part is None else body_part.strip().upper()
    if part is not None and not _CODE.fullmatch(part):
        raise InputError(
            f"The body part '{body_part}' is no code of DICOM; give up to 16 letters A to Z or digits, such as KNEE."
        )
    if part is not None and side is not None and _UNPAIRED.fullmatch(part):
        raise InputError(f"The body part {part} has no sides in DICOM; leave out the side.")
    return Anatomy(part, side)


def anatomy_of_class(label: str, asked: Anatomy, config: Config, run: RunFolder) -> Anatomy:
    """What images of a class show: as asked, else as the settings tell by which a network of this run was trained.

    Classes taken from BodyPartExamined or a laterality attribute tell it themselves; `prepare.flip_to_side` tells the
    side, unless images of unknown side were left as they were.
    """
    prepare, code = config.prepare, label.strip().upper()
    by_tag = prepare.label_tag if prepare.label_source in ("auto", "tag") else None
    tag = attribute(by_tag) if by_tag else None
    part = code if tag == "BodyPartExamined" and _CODE.fullmatch(code) else None
    side: Side | None = prepare.flip_to_side if _all_sides_known(run) else None
    if tag in ("ImageLaterality", "FrameLaterality", "Laterality") and not config.train.allow_mirror:
        side = _SIDES.get(code)
    return Anatomy(asked.body_part or part, asked.side or side)


def _all_sides_known(run: RunFolder) -> bool:
    table = run.path / TABLE
    return table.is_file() and Remark.SIDE_UNKNOWN not in table.read_text(encoding="utf-8")
