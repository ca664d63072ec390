"""Several pictures of one file: every n-th frame of a clip, every n-th slice of a volume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gist.intake.decode_job import Accepted, JobSettings
from gist.intake.decoding import look_at_sample
from gist.intake.guarded_decode import Crew
from gist.intake.labelling import Candidate, Labelled


def with_every(labelled: Labelled, every: int, settings: JobSettings, crew: Crew) -> Labelled:
    """Each file with several frames as often as it gives one, by a look at all headers; others stay as they are.

    Frames begin in the middle of the first step, so that a volume's empty ends count least.
    """
    frames = {
        candidate.file.relative: found.frames
        for candidate, found in look_at_sample(labelled, settings, crew, most=len(labelled.candidates))
        if isinstance(found, Accepted) and found.frames > 1
    }

    def pictures() -> Iterator[Candidate]:
        for candidate in labelled.candidates:
            count = frames.get(candidate.file.relative, 1)
            if count == 1:
                yield candidate
                continue
            for frame in _taken(count, every):
                yield replace(candidate, frame=frame + 1)

    return replace(labelled, candidates=tuple(pictures()))


def taken_of(frames: int, every: int | None) -> int:
    """How many pictures a file of so many frames gives."""
    if every is None or frames == 1:
        return 1
    return len(_taken(frames, every))


def _taken(frames: int, every: int) -> range:
    return range((min(every, frames) - 1) // 2, frames, every)
