"""One trial of a study: what is asked of it and what came of it, kept in its own run folder."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from gist.stages.promise import Result
from gist.stages.utility import Interval

TRIAL = "trial"
"""How the groups of a search begin."""


class Trial(Result):
    """What is asked; its settings lie in its run folder."""

    name: str
    """Of its folder."""
    group: str
    """What it repeats with another seed, such as `100 images`."""
    repeat: int
    """From 1."""
    images: int | None = None
    """Size of the subset to learn from; None for all."""
    arm: str = "scratch"
    """Which curve it is a point of."""
    settings: dict[str, Any] = Field(default={})
    """By dotted name, those that tell it from other groups, for people to read."""


class TrialScores(Result):
    """What one generator was measured to be, against the one hold-out of its study."""

    training_images: int
    patients: int | None
    n: int
    """Images of each side behind `kid`."""
    extractor: str
    kid: float
    kid_low: float
    kid_high: float
    """95 % interval for the images of this trial alone (jackknife)."""
    naive: float
    """Frechet distance to the images that it learned from, as papers report it: the reference grows with these."""
    naive_images: int
    """Synthetic images behind it."""
    odd_share: float | None
    """Share of its images that look worse than all but 5 % of real ones; None with too few real images to judge by."""
    odd_low: float | None
    odd_high: float | None
    near_copies: float
    """Share of its images nearer to one that it learned from than all but a few of the hold-out are."""
    near_copies_low: float
    near_copies_high: float
    near_copies_expected: float
    """That share where nobody copied."""
    identical: int | None = None
    """Of its images, those that equal one that it learned from pixel by pixel."""
    gan_train: Interval | None = None
    """Balanced accuracy on the hold-out of a classifier that learns from its images alone; None where not asked."""
    kimg: float
    train_seconds: float
    device: str


class TrialRecord(Result):
    """`trial.json` of a trial's folder, the one place that says what became of it."""

    trial: Trial
    state: Literal["planned", "done", "failed", "pruned"]
    """pruned: given up early, for its snapshots were worse than those of other trials."""
    error: str | None = None
    scores: TrialScores | None = None
    snapshots: dict[int, float] = Field(default={})
    """Number of each snapshot of its training -> KID, where these were scored."""
