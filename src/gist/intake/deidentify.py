"""Names without identity: salted ids, and the short list of technical facts that may leave a file.

Pictures are written from fresh arrays, so nothing of a file survives unless it is named here. The salt lies
in the user's own settings folder, outside every run folder: whoever gets a run folder alone cannot test
guesses at names.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path
from typing import NamedTuple

from gist.errors import InputError

_SALT_BYTES = 32
_ID_DIGITS = 16

PLAIN_RADIOGRAPHY = frozenset({"CR", "DX", "MG", "IO", "PX", "RG", "XA", "RF", "OT", "SC"})
# The other codes that DICOM defines for Modality (PS3.3 C.7.3.1.1.1) with pixels; any other text is withheld.
_OTHER_PICTURES = frozenset(
    {"BMD", "CT", "DG", "ES", "GM", "HD", "IVUS", "MR", "NM", "OCT", "OP", "OPT", "PT", "RTDOSE", "RTIMAGE"}
    | {"SEG", "SM", "US", "XC"}
)

BODY_PARTS = frozenset(
    {
        "ABDOMEN",
        "ANKLE",
        "ARM",
        "BREAST",
        "CALCANEUS",
        "CHEST",
        "CLAVICLE",
        "COCCYX",
        "CSPINE",
        "ELBOW",
        "FEMUR",
    }
    | {"FINGER", "FOOT", "FOREARM", "HAND", "HEAD", "HIP", "HUMERUS", "JAW", "KNEE", "LEG", "LSPINE", "NECK"}
    | {
        "PATELLA",
        "PELVIS",
        "RIB",
        "SACRUM",
        "SCAPULA",
        "SHOULDER",
        "SKULL",
        "SPINE",
        "SSPINE",
        "STERNUM",
        "THUMB",
    }
    | {"TOE", "TSPINE", "WRIST"}
)
"""Of PS3.16 annex L; other texts may say more than a part of the body."""


class Patient(NamedTuple):
    """A patient as later rooms see one."""

    id: str
    """Salted id."""
    draw: float
    """In 0-1, from the run's seed and the patient's own id: decides the split, is the same on every
    machine."""


def read_or_make_salt() -> bytes:
    """The user's salt, made on first use (32 random bytes, readable by the user only).

    Raises:
        InputError: the settings folder cannot be written, or the salt file was damaged.
    """
    base = os.environ.get("XDG_CONFIG_HOME")
    folder = (Path(base) if base else Path.home() / ".config") / "gist"
    file = folder / "salt"
    try:
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _place_salt(file)
        salt = bytes.fromhex(file.read_text(encoding="ascii"))
    except OSError as error:
        raise InputError(
            f"The salt that hides file names cannot be kept in {folder} ({error.strerror}); "
            "make that folder writable or set XDG_CONFIG_HOME to one that is."
        ) from None
    except ValueError:
        salt = b""
    if len(salt) != _SALT_BYTES:
        raise InputError(
            f"{file} is damaged; delete it, and ids in later runs will differ from earlier ones."
        )
    return salt


def salted_id(salt: bytes, kind: str, text: str) -> str:
    """16 hexadecimal digits that stand for `text`; equal texts of one kind give equal ids for one user."""
    message = f"{kind}\0{text}".encode("utf-8", "surrogateescape")
    return hmac.digest(salt, message, "sha256").hex()[:_ID_DIGITS]


def patient(salt: bytes, seed: int, text: str) -> Patient:
    """The patient named `text`."""
    return Patient(salted_id(salt, "patient", text), stable_draw(seed, text))


def stable_draw(seed: int, text: str) -> float:
    """A number in [0, 1) that depends on `seed` and `text` only."""
    digest = hashlib.sha256(f"split\0{seed}\0{text}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def allowed_modality(value: object) -> str | None:
    """A modality code if it is one that DICOM defines, else None."""
    text = str(value).strip().upper()
    return text if text in PLAIN_RADIOGRAPHY or text in _OTHER_PICTURES else None


def allowed_body_part(value: object) -> str | None:
    """A body part if it is a code of DICOM for what plain radiographs show, else None."""
    text = str(value).strip().upper()
    return text if text in BODY_PARTS else None


def _place_salt(file: Path) -> None:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".salt.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(_SALT_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(temporary, file)  # unlike a rename, never replaces the salt of a process that was quicker
        except FileExistsError:
            return
        except OSError:
            temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
