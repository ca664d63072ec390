"""A quick look at a source, for planning: nothing is written and no picture is decoded."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from statistics import median_low
from typing import Literal

from gist.errors import InputError
from gist.intake.advice import masks_named
from gist.intake.assembly import natural_order
from gist.intake.class_names import ClassNames, SeenClasses
from gist.intake.colour import Looked, keeps_colour
from gist.intake.decode_job import Accepted
from gist.intake.decoding import look_at_sample, said_of_class
from gist.intake.deidentify import read_or_make_salt
from gist.intake.file_bytes import open_zip
from gist.intake.file_type import HEAD_BYTES, file_type
from gist.intake.frames import taken_of
from gist.intake.geometry import scaled_view, square_view
from gist.intake.guarded_decode import Crew
from gist.intake.labelling import Labelled, class_balance, label_source
from gist.intake.preparation import job_settings, nothing_readable
from gist.intake.resolution import Choice, choose_resolution
from gist.machine.processes import usual_threads
from gist.stages.prepare import RESOLUTIONS, PrepareConfig
from gist.stages.vocabulary import Reason, serious_first


@dataclass(frozen=True)
class SourceSummary:
    """What a source holds, as far as headers tell."""

    files: int
    types: dict[str, int]
    """File type by content -> files; `other` for what gist does not read."""
    classes: dict[str, int]
    """Class name -> files (of those looked at, where the files themselves give it); empty without labels."""
    looked_at: int
    """Files whose headers the following rests on."""
    readable: int
    """Of these, files with a usable header that the filter keeps."""
    images: int
    """Files of the whole source that are likely to be used."""
    short_side_median: int
    short_side_min: int
    """Pixels."""
    bits: dict[int, int]
    """Bits per sample -> files."""
    patients: int | None
    """Distinct patients, of all files where names or a table tell, else of those looked at; None: unknown."""
    resolution: int
    resolution_reason: str
    """Empty where the resolution was set by the user."""
    colour: bool
    """Whether colours are kept."""
    problems: dict[str, int]
    """Reason -> files that would be set aside, of those whose headers were looked at and those refused unseen."""
    notes: tuple[str, ...]
    impossible: str = ""
    """Why the prepare stage would refuse; empty where it would not, as far as headers tell."""

    def sentences(self) -> Iterator[str]:
        """What a source holds."""
        types = ", ".join(f"{count} {kind}" for kind, count in self.types.items())
        yield f"{self.files} files: {types}."
        if self.classes:
            yield "Classes: " + ", ".join(f"{name} ({count})" for name, count in self.classes.items()) + "."
        else:
            yield "No labels: one generator for all images."
        bits = ", ".join(f"{count} of {bits} bit" for bits, count in self.bits.items())
        yield (
            f"Of {self.looked_at} looked at, {self.readable} are readable ({bits}); "
            f"shorter side {self.short_side_median} pixels in the middle, {self.short_side_min} at least."
        )
        if self.patients is None:
            yield "No patient id is known: images of one patient may fall on both sides of the split."
        else:
            yield f"Patients: {self.patients}."
        if self.colour:
            yield "The images are kept in colour; prepare.colour=grey makes them grey."
        for reason, count in self.problems.items():
            yield f"{count} would be set aside: {reason}."
        yield from self.notes
        reason = self.resolution_reason or "given in the settings"
        yield f"prepare.resolution: {self.resolution} ({reason.rstrip('.')})."


def inspect(config: PrepareConfig, device: Literal["auto", "cpu", "cuda"] = "auto") -> SourceSummary:
    """Looks at the source of `config` without decoding or writing anything; reads up to 400 headers.

    Raises:
        InputError: as the prepare stage would about the source, the label table or where no file can be read.
    """
    salt = read_or_make_salt()
    with Crew(usual_threads()) as crew:
        labelled = label_source(config, 0, salt)
        files = len(labelled.candidates) + len(labelled.refused)
        masks = sum(candidate.named_mask for candidate in labelled.candidates)
        if config.masks == "remove":
            pictures = tuple(one for one in labelled.candidates if not one.named_mask)
            labelled = replace(labelled, candidates=pictures)
        settings = job_settings(config, labelled, 0, salt, 0)
        looked = list(look_at_sample(labelled, settings, crew))
        colour = keeps_colour(config, Looked(labelled, settings, crew))
    found = [
        (candidate.class_name or one.label, one) for candidate, one in looked if isinstance(one, Accepted)
    ]
    seen = SeenClasses()
    for candidate, one in looked:
        if isinstance(one, Accepted):
            seen.add(*said_of_class(candidate, one))
    notes = [*labelled.notes, *([masks_named(masks, config.masks)] if masks else [])]
    names = seen.names(config.classes or (), notes)
    of_no_patient = [one for name, one in found if name not in names.of_patients]
    headers = [one for one in of_no_patient if one.kept]
    problems = [reason for _, reason in labelled.refused]
    problems += [Reason.MASK] * (masks if config.masks == "remove" else 0)
    problems += [one for _, one in looked if isinstance(one, Reason)]
    problems += [Reason.CLASS_IS_PATIENT] * (len(found) - len(of_no_patient))
    problems += [Reason.FILTERED_OUT] * (len(of_no_patient) - len(headers))
    if not headers:
        raise nothing_readable(problems, config.source)
    short_sides = [min(header.height, header.width) for header in headers]
    impossible = ""
    if config.resolution == "auto":
        sizes = [(header.height, header.width) for header in headers]
        try:
            choice = choose_resolution(sizes, config.fit, config.allow_upsampling, device)
        except InputError as refusal:
            impossible = str(refusal)
            choice = Choice(RESOLUTIONS[0], impossible)
    else:
        choice = Choice(config.resolution, "")
    large = [one for one in headers if not _too_small(one, config, choice.side)]
    too_small = len(headers) - len(large)
    problems += [Reason.TOO_SMALL] * too_small
    if not large and not impossible:
        impossible = str(nothing_readable(problems, config.source))
    arriving = {names.told(name) for name, one in found if one in large}
    classes = Counter(name for name in _class_names(labelled, headers, names) if name in arriving)
    return SourceSummary(
        files=files,
        types=_types(labelled),
        classes={name: classes[name] for name in sorted(classes, key=natural_order)},
        looked_at=len(looked),
        readable=len(headers),
        images=round(
            len(labelled.candidates) * sum(taken_of(one.frames, config.every) for one in large) / len(looked)
        ),
        short_side_median=median_low(short_sides),
        short_side_min=min(short_sides),
        bits=dict(sorted(Counter(header.bits for header in headers).items())),
        patients=_patients(labelled, headers),
        resolution=choice.side,
        resolution_reason=choice.reason,
        colour=colour,
        problems=dict(Counter(reason.value for reason in problems)),
        notes=(
            *serious_first(notes),
            *_notes(config, labelled, found, headers, names),
            _unknown(config, labelled, looked),
        ),
        impossible=impossible,
    )


def _class_names(labelled: Labelled, headers: list[Accepted], names: ClassNames) -> Iterator[str]:
    of_headers = (one.label for one in headers)
    of_files = (candidate.class_name for candidate in labelled.candidates)
    told = map(names.told, of_headers if labelled.label_tag else of_files)
    return (name for name in told if name is not None)


def _notes(
    config: PrepareConfig,
    labelled: Labelled,
    found: list[tuple[str | None, Accepted]],
    headers: list[Accepted],
    names: ClassNames,
) -> Iterator[str]:
    """What the headers looked at tell beyond counts."""
    if labelled.filtered is not None:
        yield class_balance(*map(names.counts, labelled.filtered))
    if labelled.where is not None:
        before = names.counts(Counter(name for name, _ in found))
        after = names.counts(Counter(name for name, one in found if one.kept))
        yield f"By the {len(found)} headers looked at, {class_balance(before, after)}"
    lengths = [
        max(one.height * one.spacing[0], one.width * one.spacing[1])
        for one in headers
        if one.spacing is not None
    ]
    if config.mm_per_pixel is not None:
        shown = "none" if not lengths else f"their longer side is about {median_low(lengths):.0f} mm"
        yield (
            f"Pixel spacing is known of {len(lengths)} of {len(headers)} images looked at ({shown}); the others "
            "are fitted to the square, not to scale."
        )


def _too_small(header: Accepted, config: PrepareConfig, side: int) -> bool:
    """Whether the prepare stage would set the image aside for its size, as far as its header tells."""
    if config.allow_upsampling:
        return False
    if config.mm_per_pixel is not None and header.spacing is not None:
        view = scaled_view(header.height, header.width, side, header.spacing, config.mm_per_pixel)
    else:
        view = square_view(header.height, header.width, config.fit)
    return view.enlarges(side)


def _unknown(config: PrepareConfig, labelled: Labelled, looked: Sequence[object]) -> str:
    """What only preparing can tell."""
    more = ["damaged pixels", "pictures that occur twice"]
    if config.crop_borders:
        more.append("what is too small once its borders are cut off")
    if config.burned_in_text in ("mask", "reject"):
        more.append("text in the pixels")
    files = len(labelled.candidates)
    counted = (
        f" These counts are of the {len(looked)} of {files} files looked at." if len(looked) < files else ""
    )
    return f"Headers do not tell of {' or '.join(more)}: gist prepare sets those aside, too.{counted}"


def _types(labelled: Labelled) -> dict[str, int]:
    unread = sum(reason in (Reason.NOT_AN_IMAGE, Reason.DOCUMENT) for _, reason in labelled.refused)
    counts = +Counter({"other": unread})
    listing = labelled.listing
    with open_zip(listing.root) if listing.is_zip else nullcontext() as archive:
        for candidate in labelled.candidates:
            name = candidate.file.relative
            try:
                with archive.open(name) if archive else (listing.root / name).open("rb") as stream:
                    counts[file_type(stream.read(HEAD_BYTES)) or "other"] += 1
            except (OSError, RuntimeError, NotImplementedError, EOFError, zipfile.BadZipFile, zlib.error):
                counts["other"] += 1
    return dict(counts.most_common())


def _patients(labelled: Labelled, headers: list[Accepted]) -> int | None:
    named = {candidate.patient.id for candidate in labelled.candidates if candidate.patient is not None}
    tagged = {header.patient.id for header in headers if header.patient is not None}
    return len(named or tagged) or None
