"""Two sources, of which one is held out: `prepare.source` to learn from and `prepare.held_out` to test on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from gist.errors import InputError
from gist.intake.class_names import plain
from gist.intake.labelling import NAMED_ON_DISK, NOT_THERE, Candidate, Labelled, label_source
from gist.intake.source import HELD_OUT, Listing
from gist.intake.source_state import label_table
from gist.stages.prepare import PrepareConfig


def label_sources(
    config: PrepareConfig, seed: int, salt: bytes, leave_out: tuple[Path, ...] = ()
) -> Labelled:
    """What `label_source` tells of the source; with `held_out` set, of both, as a ready-made split.

    Raises:
        InputError: as there, of either; the source has a test part of its own; or they have no class in common.
    """
    learned = label_source(config, seed, salt, leave_out)
    if config.held_out is None:
        return learned
    if not config.held_out.exists():
        raise InputError(
            f"There is no {config.held_out}; prepare.held_out names the folder or zip of images to hold out."
        )
    changes = {"source": config.held_out, "held_out": None, "split_column": None}
    of_other = config.model_copy(update=changes)
    other = label_source(of_other, seed, salt, leave_out)
    if any(candidate.split == "test" for candidate in learned.candidates):
        raise InputError(
            "prepare.source has a test part of its own, so prepare.held_out would be a second one; give the folder "
            "of its training part as the source."
        )
    known, asked = ({plain(one.class_name or "") for one in side.candidates} for side in (learned, other))
    if known and asked and learned.origin != "tag" and known.isdisjoint(asked):
        raise InputError(
            "The images to learn from and those of prepare.held_out have no class in common; call their classes alike, "
            "or set prepare.label_source=none."
        )
    candidates = [replace(one, split=one.split or "train") for one in learned.candidates]
    candidates += [_held_out(one, other.listing) for one in other.candidates]
    rows, missing = learned.rows + other.rows, learned.rows_without_file + other.rows_without_file
    notes = dict.fromkeys((*learned.notes, *other.notes))
    table = label_table(config)
    if table is not None and table.is_file() and table == label_table(of_other):
        # One table for both: a row means a file of either.
        rows, missing = learned.rows, max(0, missing - learned.rows)
        notes = {note: None for note in notes if not note.endswith(NOT_THERE)}
    filtered = [side.filtered for side in (learned, other) if side.filtered is not None]
    return replace(
        learned,
        candidates=tuple(candidates),
        refused=(*learned.refused, *((f"{HELD_OUT}/{name}", reason) for name, reason in other.refused)),
        notes=tuple(notes),
        origin=other.origin if other.origin in NAMED_ON_DISK else learned.origin,
        classes=learned.classes | other.classes,
        rows=rows,
        rows_without_file=missing,
        filtered=_sums(filtered) if filtered else None,
    )


def _held_out(candidate: Candidate, listing: Listing) -> Candidate:
    """The candidate under a path of its own, which no file of the other source has."""
    file = candidate.file
    place = file.relative if listing.is_zip else listing.path(file)
    moved = replace(file, relative=f"{HELD_OUT}/{file.relative}", target=place)
    return replace(candidate, file=moved, split="test")


Counts = Counter[str | None]


def _sums(filtered: list[tuple[Counts, Counts]]) -> tuple[Counts, Counts]:
    before, after = zip(*filtered, strict=True)
    return sum(before, Counts()), sum(after, Counts())
