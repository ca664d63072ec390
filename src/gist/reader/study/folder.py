"""The folder of a study: `study.json`, `key.csv`, `images/`, `reference/` and `answers/`."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gist.errors import InputError
from gist.files import sha256_of, write_json
from gist.images.png import Pixels, decode_png
from gist.numerals import counted

STUDY_FILE, KEY_FILE, TOKENS_FILE = "study.json", "key.csv", "tokens.json"
READER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
Kind = Literal["single", "pairs"]
ImageId = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class Reference(BaseModel):
    """An image that readers see with its truth before the test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: ImageId
    truth: Literal["real", "synthetic"]
    class_name: str


class Study(BaseModel):
    """What is fixed before the first reader starts: `study.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    kind: Kind
    asks_class: bool
    margin: float
    """Around chance, within which an accuracy counts as equivalent to guessing."""
    planned: dict[str, Any]
    images: int
    """Tested images, or pairs."""
    repeats: int
    """How many of them each reader sees a second time."""
    readers: tuple[str, ...]
    reference_images: int
    key_sha256: str
    """Of the bytes of `key.csv`, which is written before anything is read."""
    watermarked: Literal["both", "neither"]
    created: str
    side: int
    """Pixels of each square picture."""
    bits: Literal[8, 16]
    class_names: tuple[str, ...]
    cues: dict[str, tuple[str, str]]
    """What may give an image away: key -> name, what it means."""
    order_seed: int
    tested: tuple[ImageId, ...]
    """Names of images or pairs; they tell nothing."""
    references: tuple[Reference, ...]
    patients_known: bool
    """Whether it could be checked that no patient of the real images was in the training set."""
    left_out: int
    """Held-out images that seem to show text and were not used."""
    study: str = ""
    """Digest of all of the above, by which answers and changes are known."""

    def sealed(self) -> Study:
        """The same with its digest."""
        return self.model_copy(update={"study": self._digest()})

    def _digest(self) -> str:
        facts = json.dumps(self.model_dump(mode="json", exclude={"study"}), sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()[:16]

    def in_one_line(self) -> str:
        shown = counted(self.images, "pair" if self.kind == "pairs" else "image")
        text = f"{shown}, {self.repeats} of them twice, for {counted(len(self.readers), 'reader')}"
        unknown = (
            "" if self.patients_known else " Patients are not known, so their split could not be checked."
        )
        aside = f" {self.left_out} held-out images with text were left out." if self.left_out else ""
        marks = "Both sides carry" if self.watermarked == "both" else "Neither side carries"
        return f"{text}.{unknown}{aside} {marks} a watermark."

    def order(self, reader: str) -> list[tuple[str, int]]:
        """Image or pair, and 0 or 1 for its second reading, in the order in which a reader sees them.

        What is read again comes first in the first half and again in the last third.
        """
        digest = hashlib.sha256(f"{self.order_seed} {reader}".encode()).digest()
        draw = np.random.default_rng(list(digest))
        first = [self.tested[index] for index in draw.permutation(len(self.tested))]
        again = [first[index] for index in draw.permutation((len(first) + 1) // 2)[: self.repeats]]
        fixed = 2 * len(first) // 3
        rest = [(image, 0) for image in first[fixed:]] + [(image, 1) for image in again]
        return [(image, 0) for image in first[:fixed]] + [
            rest[index] for index in draw.permutation(len(rest))
        ]


def pictures_of(study: Study, image: str) -> list[str]:
    """Files of an image, or of the left and the right one of a pair."""
    return [f"images/{image}.png"] if study.kind == "single" else [
        f"images/{image}-{side}.png" for side in ("left", "right")
    ]  # fmt: skip


def levels(folder: Path, study: Study, files: list[str]) -> bytes:
    """Levels of pictures row by row, of colours red, green and blue of each pixel, one picture after the other; 16 bits
    with the low byte first.

    Raises:
        InputError: a picture is missing or is not one of the study.
    """
    kind = np.dtype(f"<u{study.bits // 8}")
    return b"".join(_read(folder / file, study).astype(kind).tobytes() for file in files)


def _read(file: Path, study: Study) -> Pixels:
    try:
        image = decode_png(file.read_bytes())
    except (OSError, ValueError):
        raise InputError(f"The picture {file} is missing or damaged; make the study anew.") from None
    if image.shape[:2] != (study.side, study.side) or 8 * image.itemsize != study.bits:
        raise InputError(f"The picture {file} is not one of this study; make the study anew.")
    return image


def write_study(folder: Path, study: Study) -> None:
    """Writes `study.json` with its digest."""
    write_json(folder / STUDY_FILE, study.sealed().model_dump(mode="json"))


def read_study(folder: Path | str) -> Study:
    """The study in a folder. The key is only held against its digest, and may lie elsewhere while people read.

    Raises:
        InputError: there is none, or it or its key was changed after it was made.
    """
    folder = Path(folder)
    file, key = folder / STUDY_FILE, folder / KEY_FILE
    try:
        study = Study.model_validate_json(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"There is no reader study in {folder}; make one with `gist reader create RUN`."
        ) from None
    except (OSError, UnicodeDecodeError, ValidationError):
        raise InputError(
            f"{file} is not a study file that gist wrote; restore it or make the study anew."
        ) from None
    if study != study.sealed():
        raise InputError(f"{file} was changed after the study was made; restore it or make the study anew.")
    if key.exists() and sha256_of(key) != study.key_sha256:
        raise InputError(
            f"{key} is not the key that was sealed with this study; restore it or make the study anew."
        )
    return study
