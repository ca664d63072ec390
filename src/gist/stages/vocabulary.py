"""The fixed words in which intake speaks of a file: nothing of the file itself can slip into them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

WARNING = "Warning: "
"""Begins a note on what can spoil a training or harm a patient."""


def serious_first(notes: Iterable[str]) -> list[str]:
    """Warnings before all other notes, either in their own order."""
    return sorted(notes, key=lambda note: not note.startswith(WARNING))


class Reason(StrEnum):
    """Why a file was set aside."""

    DOCUMENT = "is a table or a document, not an image"
    NOT_AN_IMAGE = "is not an image format that gist reads"
    ARCHIVE = "is an archive inside the source; unpack it first"
    NOT_REGULAR = "is not a regular file"
    LINK_OUTSIDE = "is a link that leads out of the source folder; copy what is behind links, too (cp -rL)"
    LINK_INSIDE = "is a link to something else in the source folder"
    NOT_FETCHED = "stands for a file that is not here; fetch it (datalad get, git annex get, git lfs pull)"
    HIDDEN_FOLDER = "lies in a hidden folder of the system"
    UNSAFE_NAME = "has a name inside its zip archive that leads out of it"
    ENCRYPTED = "is encrypted inside its zip archive"
    UNREADABLE = "cannot be opened; check its permissions"
    EMPTY = "is empty"
    TOO_LARGE_FILE = "is larger than prepare.max_file_mebibytes allows"
    TOO_MANY_PIXELS = "has more pixels than prepare.max_pixels allows"
    TOO_MUCH_MEMORY = "needs more memory to decode than is allowed"
    TOO_SLOW = "took too long to decode"
    CRASHED = "crashed the decoder"
    DAMAGED = "is damaged or cut short"
    UNKNOWN_VARIANT = "is damaged, or of a variant of its format that gist does not read; save it anew as PNG"
    CONTRADICTORY = "contradicts itself on the size of its picture"
    NO_PICTURE = "is DICOM without a picture"
    DICOM_DIRECTORY = "is a DICOM directory, not a picture"
    NO_TRANSFER_SYNTAX = "does not say how its pixels are encoded (no transfer syntax)"
    UNSUPPORTED_SYNTAX = "uses a compression that gist does not decode"
    NEEDS_NIBABEL = "is a NIfTI volume, which needs the extra: pip install 'gist-synth[nifti]'"
    NEEDS_GDCM = "uses JPEG lossless, which needs the extra: pip install 'gist-synth[gdcm]'"
    TWELVE_BIT_JPEG = "uses 12-bit JPEG, which needs the extra: pip install 'gist-synth[gdcm]'"
    UNSUPPORTED_PIXELS = "holds pixels of a kind that gist does not read"
    NO_SUCH_FRAME = "has fewer frames than prepare.frame asks for"
    NO_WINDOW = "carries no usable grey window although prepare.window is 'tag'"
    NO_HOUNSFIELD = "is not CT in Hounsfield units, which prepare.window asks for"
    BLANK = "shows nothing: all its pixels have one value"
    BURNED_IN_TEXT = "has text burned into its pixels or declares it, and prepare.burned_in_text is 'reject'"
    TEXT_REMAINS = (
        "still shows what may be text after prepare.burned_in_text=mask has painted over what was found"
    )
    TOO_SMALL = "is smaller than the chosen resolution; see prepare.allow_upsampling"
    CLASS_IS_PATIENT = "belongs to a class that is called like its patient"
    NO_CLASS_FOLDER = "lies outside the class folders"
    NO_PATTERN = "has a path that prepare.label_pattern does not fit"
    NOT_IN_INDEX = "is not in dataset.json"
    NOT_IN_TABLE = "is not in the label table"
    NO_CLASS_IN_TABLE = "has no class in the label table"
    NO_SPLIT_IN_TABLE = "has no split in the label table"
    OTHER_PART = "lies in no part of the ready-made split that is used"
    NO_LABEL_TAG = "does not carry the attribute that prepare.label_tag names"
    OTHER_CLASS = "belongs to a class outside prepare.classes"
    FILTERED_OUT = "is left out by prepare.where"
    MASK = "is the mask of another image, left out by prepare.masks"
    DUPLICATE = "shows the same picture as another file"
    NEAR_DUPLICATE = "shows nearly the same picture as another file"
    PATIENT_IN_TRAINING = "is held out by the ready-made split although its patient is in another part"
    NEARLY_IN_TRAINING = "is held out although nearly the same picture is in another part of the split"
    CLASS_NOT_TRAINED = "is held out but belongs to a class without training images"
    CONFLICTING_LABELS = "shows the same picture as a file of another class"


class Remark(StrEnum):
    """What was done to an accepted picture that its reader should know."""

    ONE_FRAME = "one of several frames"
    ONLY_FRAME = "its only frame"
    COLOUR_TO_GREY = "colour turned to grey"
    GREY_TO_COLOUR = "grey, as three equal colours"
    TO_SRGB = "colours brought to sRGB"
    PROFILE_UNUSABLE = "colour profile unusable"
    TRANSPARENCY = "transparency put on black"
    WINDOW_FROM_FILE = "window of the file"
    HOUNSFIELD_WINDOW = "window in Hounsfield units"
    LUT_FROM_FILE = "VOI LUT of the file"
    WINDOW_UNUSABLE = "window of the file unusable"
    PERCENTILE_WINDOW = "percentile window"
    INVERTED = "inverted to black background"
    PADDING_EXCLUDED = "pixel padding made black"
    TURNED = "turned as its orientation tag says"
    POLARITY_ASSUMED = "polarity not stated, taken as black air"
    ORIENTATION_UNKNOWN = "orientation in the body not stated"
    BORDERS_CUT = "borders cut off"
    SPACING_UNKNOWN = "scale unknown, fitted instead"
    SCALE_CALIBRATED = "scale in the body, calibrated"
    SCALE_BY_MAGNIFICATION = "scale in the body, by the estimated magnification"
    SCALE_OF_DETECTOR = "scale at the detector, magnification unknown"
    SCALE_UNEXPLAINED = "scale of the file, whether in the body unknown"
    MIRRORED = "mirrored to the other side"
    SIDE_UNKNOWN = "side unknown, not mirrored"
    BURNED_IN = "declares burned-in text"
    NOT_RADIOGRAPH = "not declared a plain radiograph"
    TEXT_FOUND = "text in the pixels"
    TEXT_PAINTED_OVER = "text in the pixels painted over"
    TEXT_READ = "words could be read"
    MASK = "mask of another image"
    TWO_GREYS = "two greys only"
    ENLARGED = "enlarged"


class SetAside(Exception):
    """Raised while decoding one file; carries its reason and nothing of the file."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
