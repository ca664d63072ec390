"""The prepare stage: label, decode, deduplicate, split, write."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gist.config import Config
from gist.errors import InputError
from gist.intake.colour import Looked, keeps_colour
from gist.intake.decode_job import Accepted, JobSettings
from gist.intake.decoding import decode_candidates, fine_structure_of, spool_key
from gist.intake.deidentify import read_or_make_salt
from gist.intake.frames import with_every
from gist.intake.guarded_decode import Crew
from gist.intake.labelling import Labelled
from gist.intake.losses import losses
from gist.intake.picture import Side
from gist.intake.resolution import Choice, choose_resolution
from gist.intake.source import find_file, list_source
from gist.intake.spool import Spool
from gist.intake.two_sources import label_sources
from gist.intake.word_reader import reading_seconds
from gist.machine.processes import usual_threads
from gist.numerals import counted
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.shards import Shard, finished_shards
from gist.stages.prepare import PrepareConfig
from gist.stages.vocabulary import Reason

if TYPE_CHECKING:
    from gist.stages.prepare import PrepareResult

_BYTES_PER_PIXEL = 28  # stored, as table index, as float, and as much again for a decoder's own copies
_ROOM_BYTES = 256 << 20
_PHANTOM_COLUMN = b"jsw_medial_mm"
_HEADING_BYTES = 4096


def prepare_with(
    first: subprocess.Popen[bytes], config: Config, run: RunFolder, progress: Progress
) -> PrepareResult:
    """See `gist.intake.prepare`; `first` is a started decoding process, which is ended here.

    Raises:
        InputError, StageError: as there.
        OSError: something cannot be written.
    """
    with ExitStack() as stack:
        crew = stack.enter_context(_crew(config, first))
        shards = finished_shards("prepare", config, run)
        begun = _begin(config, run, crew, progress, joining=bool(shards))
        labelled, salt, settings = begun.labelled, begun.salt, begun.settings
        # Imported only here, for it takes as long as the processes take to start.
        from gist.intake.assembly import assemble
        from gist.intake.data_page import write_data_page

        spool = stack.enter_context(Spool(run.stage_folder("prepare"), spool_key(settings, salt)))
        spool.take(shards)
        finished, aside, told = decode_candidates(
            labelled, config.prepare.classes, settings, salt, spool, crew, progress
        )
        crew.dissolve()
        rejected = [*labelled.refused, *aside]
        if not finished:
            raise nothing_readable([reason for _, reason in rejected], config.prepare.source)
        assembled = assemble(
            labelled, finished, rejected, config, salt, partial(fine_structure_of, spool), told
        )
        _check_conditional(config, set(assembled.class_names or (None,)))
        result = assembled.write(run, spool, begun.choice).model_copy(update={"text_search": begun.search})
        if settings.colour:
            result = result.model_copy(update={"channels": 3, "kind": "image"})
        lost = losses(
            labelled,
            Counter(reason for _, reason in assembled.rejected),
            len(assembled.placed),
            {picture.class_name for picture in finished if picture.class_name is not None},
            result.class_names,
        )
        notes = result.notes if lost is None else (lost, *result.notes)
        result = result.model_copy(update={"notes": notes, "loss": lost})
        phantoms = _are_phantoms(config.prepare.source, result)
        title = config.report.title or config.name
        page = write_data_page(run.stage_folder("prepare"), result, title, phantoms)
        spool.remove()
    result = result.model_copy(update={"data_page": run.relative(page), "phantoms": phantoms})
    for note in result.notes:
        if note != lost:
            progress.note(note)
    progress.note(f"Data report: {page}")
    return result


def prepare_shard(config: Config, run: RunFolder, folder: Path, shard: Shard, progress: Progress) -> None:
    """Decodes every so-manieth file of the source into a spool in `folder`, from which `prepare_with` takes it.

    Raises:
        InputError, StageError, OSError: as there.
    """
    with _crew(config) as crew:
        begun = _begin(config, run, crew, progress)
        own = replace(begun.labelled, candidates=shard.of(begun.labelled.candidates))
        with Spool(folder, spool_key(begun.settings, begun.salt)) as spool:
            decode_candidates(own, config.prepare.classes, begun.settings, begun.salt, spool, crew, progress)


@dataclass(frozen=True)
class _Begun:
    """All that decoding needs, which is the same for every shard."""

    labelled: Labelled
    salt: bytes
    choice: Choice
    search: Literal["none", "strokes", "words"]
    settings: JobSettings


def _crew(config: Config, first: subprocess.Popen[bytes] | None = None) -> Crew:
    return Crew(usual_threads() if config.threads == "auto" else config.threads, first)


def _begin(config: Config, run: RunFolder, crew: Crew, progress: Progress, joining: bool = False) -> _Begun:
    salt = read_or_make_salt()
    labelled = label_sources(config.prepare, config.seed, salt, (run.path,))
    if labelled.candidates and labelled.origin != "tag":
        _check_conditional(config, {candidate.class_name for candidate in labelled.candidates})
    if not joining:  # what others decoded leaves next to nothing
        crew.grow(len(labelled.candidates))
    plain = job_settings(config.prepare, labelled, config.seed, salt, 0)
    if config.prepare.every is not None:
        labelled = with_every(labelled, config.prepare.every, plain, crew)
    looked = Looked(labelled, plain, crew)
    choice = _resolution(config, looked)
    colour = keeps_colour(config.prepare, looked)
    search = _text_search(config.prepare, len(labelled.candidates), crew.processes, progress)
    settings = replace(plain, resolution=choice.side, read_words=search == "words", colour=colour)
    return _Begun(labelled, salt, choice, search, settings)


def locate(run: RunFolder, file_id: str, source: Path) -> Path | None:
    """The file on this disk behind a salted id of records.csv or rejected.csv.

    None if the source holds no such file any more, or this user's salt did not make the id.

    Raises:
        InputError: the source folder or the salt cannot be read.
    """
    listing = list_source(source, (run.path,))
    return find_file(listing, read_or_make_salt(), file_id)


def job_settings(
    config: PrepareConfig,
    labelled: Labelled,
    seed: int,
    salt: bytes,
    resolution: int,
    read_words: bool = False,
) -> JobSettings:
    """What decoding processes need to know of the settings and the labels."""
    side: dict[str | None, Side] = {"left": "L", "right": "R"}
    return JobSettings(
        resolution=resolution,
        fit=config.fit,
        window=config.window,
        percentiles=config.percentiles,
        allow_upsampling=config.allow_upsampling,
        max_pixels=config.max_pixels,
        max_file_bytes=config.max_file_mebibytes << 20,
        seed=seed,
        salt=salt.hex(),
        memory_bytes=_BYTES_PER_PIXEL * config.max_pixels + (config.max_file_mebibytes << 20) + _ROOM_BYTES,
        bits=config.bits,
        frame=config.frame,
        plane=config.plane,
        crop_borders=config.crop_borders,
        burned_in_text=config.burned_in_text,
        masks=config.masks,
        read_words=read_words,
        mm_per_pixel=config.mm_per_pixel,
        flip_to_side=side.get(config.flip_to_side),
        label_tag=labelled.label_tag,
        where=labelled.where,
        attributes=labelled.attributes,
    )


def nothing_readable(reasons: Sequence[Reason], source: Path | None) -> InputError:
    """The error where no file of a source can be used."""
    (most_frequent, count), *_ = Counter(reasons).most_common(1)
    return InputError(
        f"None of the {len(reasons)} files in {source} can be used; most often ({count} times) a file "
        f"{most_frequent.value}."
    )


def _resolution(config: Config, looked: Looked) -> Choice:
    if config.prepare.resolution != "auto":
        return Choice(config.prepare.resolution, "")
    found = looked.at_many
    sizes = [(one.height, one.width) for one in found if isinstance(one, Accepted) and one.kept]
    if not sizes:
        reasons = [reason for _, reason in looked.labelled.refused]
        reasons += [one if isinstance(one, Reason) else Reason.FILTERED_OUT for one in found]
        raise nothing_readable(reasons, config.prepare.source)
    return choose_resolution(sizes, config.prepare.fit, config.prepare.allow_upsampling, config.device)


def _text_search(
    config: PrepareConfig, images: int, processes: int, progress: Progress
) -> Literal["none", "strokes", "words"]:
    """How text is looked for; what reading will cost is told before it begins."""
    if config.burned_in_text == "ignore":
        return "none"
    seconds = reading_seconds() if config.burned_in_text_ocr == "auto" else None
    if seconds is None:
        return "strokes"
    minutes = max(1, round(seconds * images / processes / 60))
    progress.note(
        f"Words in the pixels are read by tesseract, too: about {seconds:.1f} s for each image that shows strokes in "
        f"a row, so at most {minutes} min if all of {counted(images, 'image')} do; "
        "--burned-in-text-ocr off does without."
    )
    return "words"


def _are_phantoms(source: Path | None, result: PrepareResult) -> bool:
    """Whether gist itself drew the images of a source."""
    try:
        with (source or Path()).joinpath("labels.csv").open("rb") as table:
            if _PHANTOM_COLUMN not in table.readline(_HEADING_BYTES):
                return False
    except OSError:
        return False
    from gist.phantoms import is_phantom_data_set

    images = result.train_images + result.val_images + result.test_images
    return is_phantom_data_set(source or Path(), images)


def _check_conditional(config: Config, class_names: set[str | None]) -> None:
    if config.train.conditional is True and len(class_names) < 2:
        raise InputError(
            "train.conditional asks for a generator with classes, but the images have fewer than two; sort "
            "them into class folders, give prepare.labels, or set train.conditional=false."
        )
