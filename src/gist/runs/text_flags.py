"""Real images that seem to show text, as the prepare stage noted it: text may be a name, so no page shows them."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareResult
from gist.stages.vocabulary import Remark

TABLE = "prepare/records.csv"


@dataclass(frozen=True)
class TextFlags:
    """Names inside the archives of images that no page may show."""

    training: frozenset[str]
    held_out: frozenset[str]
    sentence: str
    """What a page that shows real images says of it; empty where nothing was left out or missed."""


NO_FLAGS = TextFlags(frozenset(), frozenset(), "")
"""Where there are no real images."""


def read_text_flags(run: RunFolder, prepared: PrepareResult) -> TextFlags:
    """Reads the flags of a run's real images.

    Images whose text has been painted over are none of them.
    """
    found: dict[str, set[str]] = {"train": set(), "test": set()}
    try:
        with (run.path / TABLE).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["split"] in found and _shows_text(row):
                    found[row["split"]].add(row["image"])
    except (OSError, KeyError, UnicodeDecodeError):
        sentence = f"Images that show text could not be left out of this page, as {TABLE} cannot be read."
        return TextFlags(frozenset(), frozenset(), sentence)
    training, held_out = frozenset(found["train"]), frozenset(found["test"])
    count, images = len(training) + len(held_out), prepared.train_images + prepared.test_images
    sentence = ""
    if count:
        sentence = (
            f"{count} of {images} real images {'seems' if count == 1 else 'seem'} to show text, which may be a name, "
            f"and {'was' if count == 1 else 'were'} left out of this page; faint or handwritten text can be missed."
        )
    elif prepared.text_search == "none":
        sentence = (
            "Text in the pixels was not looked for (prepare.burned_in_text is ignore), so real images on this page "
            "may show names."
        )
    return TextFlags(training, held_out, sentence)


def _shows_text(row: dict[str, str]) -> bool:
    remarks = row["remarks"].split("; ")
    return bool(row["text"] or Remark.BURNED_IN in remarks) and Remark.TEXT_PAINTED_OVER not in remarks
