"""Pictures drawn into a folder, one file per seed; those that look like artifacts are replaced if that is asked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError
from gist.files import write_atomic
from gist.generation.marks import Marks
from gist.generators.model import Model
from gist.generators.synthesis import pictures_at_once, synthesise
from gist.images.png import as_unit, read_grey
from gist.machine.interruption import Stopped, deferred_stop
from gist.metrics.artifacts import ArtifactJudge, Pictures
from gist.metrics.extractors import Radiomics
from gist.progress import Progress
from gist.stages.generate import GenerateConfig

_TRIED, _LEAST_PASSING = 200, 0.05
"""The filter gives up when after so many pictures fewer than this share has passed."""

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
    p_values: dict[int, float] = field(default_factory=dict)
    """Seed -> share of held-out real images that look at least as odd; empty without the filter."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Detector that weighed most -> pictures dropped."""
    last_seed: int = 0
    computed: int = 0
    """Pictures that were computed, as against those that were there already."""
    seconds: float = 0.0


def draw_pictures(
    G: Model,
    wanted: Sequence[Draw],
    folder: Path,
    settings: GenerateConfig,
    marks: Marks,
    judge: ArtifactJudge | None,
    progress: Progress,
    stop_file: Path,
) -> Drawn:
    """Draws the wanted pictures, with a judge further seeds of the same classes until as many have passed.

    Which pictures pass depends on their seeds only, so an interrupted call continues to the same result.

    Raises:
        InputError: next to no picture passes the filter.
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
            # The filter judges the network, so it sees pictures without the watermark that the files have.
            pictures = _existing(batch, folder) if judge is None else []
            if not pictures:
                pictures = list(_new(G, batch, settings))
                drawn.computed += len(batch)
            passed = _judged(judge, settings, batch, pictures, drawn)
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
    return [read_grey(file) for file in files] if all(file.exists() for file in files) else []


def _new(G: Model, batch: Sequence[Draw], settings: GenerateConfig) -> Iterator[NDArray[np.uint8]]:
    return synthesise(
        G,
        [draw.seed for draw in batch],
        [draw.label for draw in batch],
        truncation_psi=settings.truncation_psi,
        truncation_cutoff=settings.truncation_cutoff,
    )


def _judged(
    judge: ArtifactJudge | None,
    settings: GenerateConfig,
    batch: Sequence[Draw],
    pictures: Sequence[NDArray[np.uint8]],
    drawn: Drawn,
) -> list[bool]:
    if judge is None or settings.reject_artifacts is None:
        return [True] * len(batch)
    x_NHW = np.stack([as_unit(picture) for picture in pictures])
    judgement = judge.judge(Pictures.extracted(x_NHW, Radiomics(x_NHW.shape[1])))
    passed = [bool(p > settings.reject_artifacts) for p in judgement.p_values]
    drawn.p_values |= {draw.seed: float(p) for draw, p in zip(batch, judgement.p_values, strict=True)}
    drawn.rejected.update(
        reason for reason, passes in zip(judgement.reasons(), passed, strict=True) if not passes
    )
    tried, kept = len(drawn.p_values), len(drawn.kept) + sum(passed)
    if tried >= _TRIED and kept < _LEAST_PASSING * tried:
        raise InputError(
            f"Only {kept} of {tried} pictures passed the artifact filter; train the network further, or lower "
            "generate.reject_artifacts or leave it out."
        )
    return passed


def _report(drawn: Drawn, total: int, progress: Progress) -> None:
    rate = f"{drawn.computed / max(drawn.seconds, 1e-9):.1f} images/s" if drawn.computed else ""
    dropped = f"{drawn.rejected.total()} dropped" if drawn.rejected else ""
    progress.advance(len(drawn.kept), total, "images", ", ".join(filter(None, (rate, dropped))))
