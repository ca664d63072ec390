"""Pictures drawn into a folder, one file per seed; those that a filter drops are replaced."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError
from gist.files import write_atomic
from gist.generation.filter import Filter
from gist.generation.marks import Marks
from gist.generators.model import Model
from gist.generators.synthesis import pictures_at_once, synthesise
from gist.images.colour import with_channels
from gist.images.png import as_unit, read_picture
from gist.machine.interruption import Stopped, deferred_stop
from gist.progress import Progress
from gist.stages.generate import GenerateConfig

_TRIED, _LEAST_PASSING = 200, 0.05
"""Filtering gives up when after so many pictures fewer than this share has passed."""

_WRITERS = 4
"""A disk takes milliseconds for each file, and most of them side by side."""


@dataclass(frozen=True, order=True)
class Draw:
    """One picture to draw; sorts class by class."""

    label: int
    seed: int

    def file(self, folder: Path) -> Path:
        """Where the picture lies; the seed is its name."""
        return folder / f"seed{self.seed:08d}.png"


def draws_of_mix(count: int, mix: Sequence[int], first_seed: int) -> list[Draw]:
    """One picture per seed, classes in the proportions of `mix`; a seed's class is the same for any `count`.

    Each seed goes to the class that is farthest behind its share.
    """
    dealt = [0] * len(mix)
    draws = []
    for number in range(count):
        behind = [share * (number + 1) - sum(mix) * had for share, had in zip(mix, dealt, strict=True)]
        label = behind.index(max(behind))
        dealt[label] += 1
        draws.append(Draw(label, first_seed + number))
    return draws


def draws_of_classes(counts: Sequence[int], first_seed: int) -> list[Draw]:
    """So many pictures of each class; classes take turns with the seeds, so that counts change no seed's class."""
    return [
        Draw(label, first_seed + len(counts) * number + label)
        for label, count in enumerate(counts)
        for number in range(count)
    ]


@dataclass
class Drawn:
    """What came of the drawing."""

    kept: list[Draw] = field(default_factory=list)
    p_values: defaultdict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    """Column of a filter -> seed -> share of held-out real images that the filter finds at least as wanting."""
    rejected: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Column of a filter -> what weighed most -> pictures dropped."""
    last_seed: int = 0
    computed: int = 0
    """Pictures that were computed, as against those that were there already."""
    seconds: float = 0.0

    @property
    def dropped(self) -> int:
        """Pictures that did not pass."""
        return sum(counts.total() for counts in self.rejected.values())


def draw_pictures(
    G: Model,
    wanted: Sequence[Draw],
    folder: Path,
    settings: GenerateConfig,
    marks: Marks,
    filters: Sequence[Filter],
    progress: Progress,
    stop_file: Path,
    *,
    channels: int = 1,
) -> Drawn:
    """Draws the wanted pictures, with filters further seeds of the same classes until as many have passed.

    The pictures have `channels`, whatever the network draws. Which pictures pass depends on their seeds only, so an
    interrupted call continues to the same result.

    Raises:
        InputError: next to no picture passes the filters.
        Stopped: a signal asked to stop.
    """
    drawn = Drawn(last_seed=max(draw.seed for draw in wanted))
    began = time.monotonic()
    pending = list(wanted)
    size = pictures_at_once(G)
    writes: list[Future[None]] = []
    with (
        deferred_stop(stop_file) as request,
        ThreadPoolExecutor(_WRITERS, thread_name_prefix="write") as writers,
    ):
        while pending:
            batch, pending = pending[:size], pending[size:]
            # Filters judge the network, so they see pictures without the watermark that the files have.
            pictures = [] if filters else _existing(batch, folder)
            if not pictures:
                pictures = [with_channels(picture, channels) for picture in _new(G, batch, settings)]
                drawn.computed += len(batch)
            passed = _judged(filters, batch, pictures, drawn)
            _finish(writes)
            for draw, picture, passes in zip(batch, pictures, passed, strict=True):
                if passes and not draw.file(folder).exists():
                    writes.append(writers.submit(_write, draw, folder, picture, marks))
                if passes:
                    drawn.kept.append(draw)
                else:
                    drawn.last_seed += 1
                    pending.append(Draw(draw.label, drawn.last_seed))
            if not pending:
                _finish(writes)
            drawn.seconds = time.monotonic() - began
            _report(drawn, len(wanted), progress)
            if request.received is not None and pending:
                raise Stopped(
                    f"Generation stopped at image {len(drawn.kept)} of {len(wanted)}; the same command continues it."
                )
    drawn.kept.sort()
    return drawn


def _write(draw: Draw, folder: Path, picture: NDArray[np.uint8], marks: Marks) -> None:
    write_atomic(draw.file(folder), marks.file(marks.in_pixels(picture), draw.seed, draw.label))


def _finish(writes: list[Future[None]]) -> None:
    """Waits until what was handed to the writers is on the disk; raises what one of them raised."""
    for write in writes:
        write.result()
    writes.clear()


def _existing(batch: Sequence[Draw], folder: Path) -> list[NDArray[np.uint8]]:
    """The pictures of a batch if all are there; else none, as the last bits of one may depend on its neighbours."""
    files = [draw.file(folder) for draw in batch]
    return [read_picture(file) for file in files] if all(file.exists() for file in files) else []


def _new(G: Model, batch: Sequence[Draw], settings: GenerateConfig) -> Iterator[NDArray[np.uint8]]:
    return synthesise(
        G,
        [draw.seed for draw in batch],
        [draw.label for draw in batch],
        truncation_psi=settings.truncation_psi,
        truncation_cutoff=settings.truncation_cutoff,
    )


def _judged(
    filters: Sequence[Filter], batch: Sequence[Draw], pictures: Sequence[NDArray[np.uint8]], drawn: Drawn
) -> list[bool]:
    """Which pictures pass every filter; one that fails several is counted with the first."""
    passed = np.ones(len(batch), bool)
    if not filters:
        return passed.tolist()
    x_NHW = np.stack([as_unit(picture) for picture in pictures])
    for each in filters:
        p_values, reasons = each.judge(x_NHW)
        drawn.p_values[each.column].update(
            {draw.seed: float(p) for draw, p in zip(batch, p_values, strict=True)}
        )
        failed = passed & (p_values <= each.level)
        drawn.rejected[each.column].update(reasons[row] for row in np.flatnonzero(failed))
        passed &= ~failed
    kept = len(drawn.kept) + int(passed.sum())
    tried = kept + drawn.dropped
    if tried >= _TRIED and kept < _LEAST_PASSING * tried:
        worst = max(filters, key=lambda each: drawn.rejected[each.column].total())
        raise InputError(f"Only {kept} of {tried} pictures passed the {worst.name}; {worst.advice}.")
    return passed.tolist()


def _report(drawn: Drawn, total: int, progress: Progress) -> None:
    rate = f"{drawn.computed / max(drawn.seconds, 1e-9):.1f} images/s" if drawn.computed else ""
    dropped = f"{drawn.dropped} dropped" if drawn.dropped else ""
    progress.advance(len(drawn.kept), total, "images", ", ".join(filter(None, (rate, dropped))))
