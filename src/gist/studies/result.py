"""What a study found: `result.json`, and what its page shows."""

from __future__ import annotations

from pydantic import Field

from gist.stages.promise import Result
from gist.stages.utility import Interval
from gist.studies.curve import Curve
from gist.studies.folder import Kind
from gist.studies.record import TrialRecord


class ControlPoint(Result):
    """One and the same generator, measured as the trials of a size are."""

    images: int
    kid: float
    low: float
    high: float
    naive: float
    """Frechet distance to the images that the first trial of this size learned from."""


class Compared(Result):
    """One group of trials held against another, in KID."""

    group: str
    repeats: int
    kid: float
    low: float
    high: float
    """95 % interval."""
    difference: tuple[float, float, float] | None = None
    """To the group that all are held against, with low and high; negative is better. None of that one itself."""
    beyond_noise: bool = False


class StudyResult(Result):
    kind: Kind
    sentences: tuple[str, ...]
    """The answer, a sentence for each arm."""
    records: tuple[TrialRecord, ...]
    curves: dict[str, Curve] = Field(default={})
    """By arm, of a study of sizes."""
    control: tuple[ControlPoint, ...] = ()
    real: Interval | None = None
    """Balanced accuracy of a classifier that learns from the whole real training part; None without GAN-train."""
    groups: tuple[Compared, ...] = ()
    front: tuple[str, ...] = ()
    """Trials of a search for several ends of which none is beaten in one without loss in another."""
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[TrialRecord, ...]:
        return tuple(record for record in self.records if record.state == "failed")

    @property
    def pruned(self) -> tuple[TrialRecord, ...]:
        """Those that were given up early."""
        return tuple(record for record in self.records if record.state == "pruned")

    @property
    def open(self) -> tuple[TrialRecord, ...]:
        """Those that others work on, or nobody yet."""
        return tuple(record for record in self.records if record.state == "planned")
