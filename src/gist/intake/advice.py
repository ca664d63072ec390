"""Sentences on the data set that are worth a reader's attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from gist.numerals import counted, percent
from gist.stages.vocabulary import WARNING, Remark

_ENOUGH_IMAGES = 750  # about where the paper saw artifact-free elbows
_IMBALANCE = 5.0
_MANY_WITH_TEXT = 0.1
_NAMED = 12
"""Classes named in a sentence at most."""
_WORTH_SAYING = {
    Remark.BURNED_IN: ("declares", "declare", "text burned into the pixels; look before sharing anything"),
    Remark.TEXT_PAINTED_OVER: (
        "showed",
        "showed",
        "text, which was painted over where found; look at every one",
    ),
    Remark.TEXT_READ: ("holds", "hold", "words that a program could read"),
    Remark.TWO_GREYS: ("holds", "hold", "two greys only, as masks and drawings do; look whether they belong"),
    Remark.NOT_RADIOGRAPH: ("is", "are", "of a modality other than plain radiography"),
    Remark.ONE_FRAME: ("holds", "hold", "several frames; the one that prepare.frame says was used"),
    Remark.ONLY_FRAME: (
        "holds",
        "hold",
        "one frame only, which was used although prepare.frame asks for another",
    ),
    Remark.SPACING_UNKNOWN: (
        "was",
        "were",
        "fitted to the square, not to scale, as the size of a pixel is not given",
    ),
    Remark.SCALE_CALIBRATED: (
        "was",
        "were",
        "scaled by a calibrated pixel spacing, so to the size in the body",
    ),
    Remark.SCALE_BY_MAGNIFICATION: (
        "was",
        "were",
        "scaled by the spacing at the detector over the estimated magnification, so to the size in the body",
    ),
    Remark.SCALE_OF_DETECTOR: (
        "was",
        "were",
        "scaled by the spacing at the detector, as the magnification is not given: bodies look larger than they are",
    ),
    Remark.SCALE_UNEXPLAINED: (
        "was",
        "were",
        "scaled by a pixel spacing of which the file does not say whether it is that in the body or at the detector",
    ),
    Remark.SIDE_UNKNOWN: ("was", "were", "not mirrored, as the side of the body is not given"),
    Remark.MIRRORED: ("was", "were", "mirrored to the side that prepare.flip_to_side asks for"),
    Remark.POLARITY_ASSUMED: ("does", "do", "not say whether air is black, which was taken to be so"),
    Remark.ORIENTATION_UNKNOWN: (
        "does",
        "do",
        "not say how the volume lies in the body; left and right are a guess",
    ),
    Remark.COLOUR_TO_GREY: ("was", "were", "in colour, now grey"),
    Remark.GREY_TO_COLOUR: ("is", "are", "grey in a set in colour, and stored as three equal colours"),
    Remark.PROFILE_UNUSABLE: ("carries", "carry", "a colour profile that could not be used; taken for sRGB"),
    Remark.WINDOW_UNUSABLE: (
        "carries",
        "carry",
        "a grey window that shows next to nothing; a percentile window was used",
    ),
    Remark.ENLARGED: ("was", "were", "smaller than the resolution and enlarged"),
}
"""Predicate of one image, of several, and what follows."""
_SERIOUS = frozenset({Remark.BURNED_IN, Remark.TWO_GREYS, Remark.NOT_RADIOGRAPH})


def advice(
    class_counts: Mapping[str, Mapping[str, int]],
    train_images: int,
    test_images: int,
    patients: int | None,
    without_patient: int,
    remarks: Sequence[tuple[Remark, ...]],
    remarks_in_training: Sequence[tuple[Remark, ...]],
) -> list[str]:
    """What a reader should know of a prepared data set."""
    notes = _readable_text(remarks, remarks_in_training)
    images = len(remarks)
    counts = Counter(remark for of_one in remarks for remark in of_one)
    if counts[Remark.MASK]:
        are = "is the mask of another" if counts[Remark.MASK] == 1 else "are masks of others"
        notes.append(
            f"{WARNING}{counts[Remark.MASK]} of {counted(images, 'image')} {are}, by few greys and a name such as "
            "a_mask.png beside a.png: a network learns to draw masks, too; --masks remove leaves them out."
        )
    if train_images < _ENOUGH_IMAGES:
        notes.append(
            f"{counted(train_images, 'training image')}: below the about {_ENOUGH_IMAGES} with which published work "
            "saw artifact-free pictures."
        )
    if patients is None:
        notes.append(
            f"{WARNING}No patient is known, so one patient may be on both sides of the split; set "
            "prepare.patient_column or prepare.patient_pattern if names hold one."
        )
    elif without_patient:
        names = "names" if without_patient == 1 else "name"
        told = f"{without_patient} of {counted(images, 'image')} {names} no patient"
        notes.append(f"{told}; each was split on its own.")
    notes.append(_hold_out(class_counts, images, test_images))
    notes.extend(_balance(class_counts))
    notes.extend(
        f"{WARNING if remark in _SERIOUS else ''}{counted(counts[remark], f'image {one}', f'images {many}')} {text}."
        for remark, (one, many, text) in _WORTH_SAYING.items()
        if counts[remark]
    )
    return notes


def masks_named(files: int, choice: str) -> str:
    """What can be said of files that are called like masks before any is decoded; `choice` is prepare.masks."""
    told = counted(files, "file is called like the mask", "files are called like masks")
    follows = (
        "those of few greys are left out, as prepare.masks is 'remove'."
        if choice == "remove"
        else "a network learns to draw masks, too; --masks remove leaves out those of few greys."
    )
    return f"{WARNING}{told} of another, such as a_mask.png beside a.png: {follows}"


def _hold_out(class_counts: Mapping[str, Mapping[str, int]], images: int, test_images: int) -> str:
    if test_images == 0:
        return "Nothing is held out, so scores can only be compared with training images."
    told = f"{test_images} of {images} images ({percent(test_images / images)}) are held out"
    without = [f"'{name}'" for name, counts in class_counts.items() if counts["test"] == 0]
    if not without:
        return f"{told}."
    listed = ", ".join(without[:_NAMED]) + (
        f" and {len(without) - _NAMED} more" if len(without) > _NAMED else ""
    )
    return f"{told}, but no image of {len(without)} of the {len(class_counts)} classes: {listed}."


def _readable_text(
    remarks: Sequence[tuple[Remark, ...]], remarks_in_training: Sequence[tuple[Remark, ...]]
) -> list[str]:
    shown = sum(Remark.TEXT_FOUND in of_one for of_one in remarks)
    if not shown:
        return []
    trained = sum(Remark.TEXT_FOUND in of_one for of_one in remarks_in_training)
    notes = []
    if shown > _MANY_WITH_TEXT * len(remarks):
        notes.append(
            f"{WARNING}{percent(shown / len(remarks))} of all images are flagged with text in their pixels: such films "
            "carry words, or something else is taken for letters; look at 'Text in the pixels' in data.html first."
        )
    return [
        f"{WARNING}{counted(shown, 'image seems', 'images seem')} to show readable text, perhaps names, "
        f"and {trained} of them {'stays' if trained == 1 else 'stay'} in the training set, where a "
        "network can learn to show the same text; "
        "--burned-in-text mask paints over what is found, --burned-in-text reject leaves such images out.",
        *notes,
    ]


def _balance(class_counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    trained = {name: counts["train"] for name, counts in class_counts.items()}
    if len(trained) < 2:
        return []
    most, least = max(trained, key=trained.__getitem__), min(trained, key=trained.__getitem__)
    if trained[most] < _IMBALANCE * trained[least]:
        return []
    return [
        f"Classes are unbalanced: '{most}' has {counted(trained[most], 'training image')}, '{least}' only "
        f"{trained[least]}; expect less variety in the small one."
    ]
