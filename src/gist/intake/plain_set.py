"""A set of images that was made elsewhere, decoded as real ones are and kept whole: no split, no duplicate removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gist.intake.assembly import natural_order
from gist.intake.class_names import plain
from gist.intake.decoding import decode_candidates, spool_key
from gist.intake.deidentify import read_or_make_salt
from gist.intake.guarded_decode import Crew
from gist.intake.labelling import label_source
from gist.intake.preparation import job_settings, nothing_readable
from gist.intake.spool import Spool
from gist.machine.processes import usual_threads
from gist.progress import Progress
from gist.stages.prepare import PrepareConfig

_AS_REAL_ONES = (
    *("file_column", "label_column", "fit", "window", "percentiles", "bits", "frame", "crop_borders"),
    *("allow_upsampling", "max_pixels", "max_file_mebibytes"),
)


@dataclass(frozen=True)
class PlainSet:
    """Decoded images in the order of their source."""

    pngs: Iterator[bytes]
    classes: tuple[str | None, ...]
    """Of each image."""
    class_names: tuple[str, ...]
    set_aside: dict[str, int]
    """Reason -> files."""
    notes: tuple[str, ...]


def settings_of_set(
    prepare: PrepareConfig, source: Path, labels: Path | None, resolution: int | str, channels: int = 1
) -> PrepareConfig:
    """How a set that was made elsewhere is read: squared, scaled and in so many channels as real images are, its
    classes by its own table, dataset.json or folders."""
    return PrepareConfig.model_validate(
        {name: getattr(prepare, name) for name in _AS_REAL_ONES}
        | {"source": source, "labels": labels, "resolution": resolution, "burned_in_text": "ignore"}
        | {"colour": "grey" if channels == 1 else "rgb"}
        | {"label_source": "none" if prepare.label_source == "none" else "auto"}
    )


@contextmanager
def decoded_set(
    settings: PrepareConfig,
    seed: int,
    threads: int | str,
    real_classes: tuple[str, ...],
    folder: Path,
    progress: Progress,
) -> Iterator[PlainSet]:
    """Decodes the images of a source; what is done waits in `folder`, so that an interrupted call goes on.

    Args:
        threads: decoding processes, or "auto".
        real_classes: names that the same classes have among the real images; capitals and spaces may differ.

    Raises:
        InputError: there is no such source, its classes cannot be told, or no image can be read.
    """
    with ExitStack() as stack:
        crew = stack.enter_context(Crew(threads if isinstance(threads, int) else usual_threads()))
        salt = read_or_make_salt()
        labelled = label_source(settings, seed, salt)
        crew.grow(len(labelled.candidates))
        assert isinstance(settings.resolution, int)
        jobs = replace(
            job_settings(settings, labelled, seed, salt, settings.resolution), colour=settings.colour == "rgb"
        )
        spool = stack.enter_context(Spool(folder, spool_key(jobs, salt)))
        finished, aside, told = decode_candidates(labelled, None, jobs, salt, spool, crew, progress)
        crew.dissolve()
        reasons = [reason for _, reason in (*labelled.refused, *aside)]
        if not finished:
            raise nothing_readable(reasons, settings.source)
        known = {plain(name): name for name in real_classes}
        classes = [
            None if one.class_name is None else known.get(plain(one.class_name), one.class_name)
            for one in finished
        ]
        yield PlainSet(
            pngs=(spool.png(one.offset) for one in finished),
            classes=tuple(classes),
            class_names=tuple(sorted({name for name in classes if name is not None}, key=natural_order)),
            set_aside={reason.value: count for reason, count in Counter(reasons).most_common()},
            notes=(*labelled.notes, *told),
        )
        spool.remove()
