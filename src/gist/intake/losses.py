"""What a user gave and does not find in the archives, in one sentence: nothing is lost in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from gist.intake.class_names import plain
from gist.intake.labelling import NAMED_ON_DISK, Labelled
from gist.numerals import counted, percent
from gist.stages.vocabulary import Reason

_SHARE = 0.01
_TOLD = 4
_ASKED_FOR = frozenset(
    {
        Reason.FILTERED_OUT,
        Reason.OTHER_CLASS,
        Reason.BURNED_IN_TEXT,
        Reason.NEAR_DUPLICATE,
        Reason.MASK,
        Reason.HIDDEN_FOLDER,
        Reason.DOCUMENT,
    }
)
"""Left out on request, and what is plainly no image."""


def losses(
    labelled: Labelled,
    rejected: Mapping[Reason, int],
    images: int,
    decoded_classes: Collection[str],
    class_names: Collection[str],
) -> str | None:
    """A sentence where more than a hundredth of the files or rows, or a whole class, is in no archive; else None.

    `rejected` counts the files set aside, `images` those in the archives; classes are those of any picture that could
    be decoded and those of the archives.
    """
    told = []
    reasons = Counter({reason: count for reason, count in rejected.items() if reason not in _ASKED_FOR})
    lost, files = reasons.total(), reasons.total() + images
    if lost > _SHARE * files:
        listed = [f"{count} \N{MULTIPLICATION SIGN} {reason}" for reason, count in reasons.most_common(_TOLD)]
        listed += ["others: see rejected.csv"] if len(reasons) > _TOLD else []
        told.append(
            f"{lost} of {files} files ({percent(lost / files)}) are in no archive: {', '.join(listed)}"
        )
    if labelled.rows_without_file > _SHARE * labelled.rows:
        told.append(
            f"{labelled.rows_without_file} of {labelled.rows} rows of the label table name no file of the source"
        )
    kept = set(map(plain, class_names))
    gone = {plain(name): name for name in labelled.classes.union(decoded_classes) if plain(name) not in kept}
    # A class of which nothing was accepted may bear its patient's name.
    doubtful = labelled.origin in NAMED_ON_DISK or rejected.get(Reason.CLASS_IS_PATIENT)
    nameable = set(gone.values()).intersection(decoded_classes) if doubtful else gone.values()
    if gone:
        names = ", ".join(f"'{name}'" for name in sorted(nameable)[:_TOLD])
        told.append(
            f"nothing is left of {counted(len(gone), 'class', 'classes')}" + (f" ({names})" if names else "")
        )
    return f"Not all arrived: {'; '.join(told)}." if told else None
