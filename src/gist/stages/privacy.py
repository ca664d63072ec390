"""The privacy stage: are there copies of training images among the synthetic ones, and would they have been found?"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gist.stages.promise import Auto, Promise, Result, StageSettings

Verdict = Literal["evidence of copying", "none found", "too few images to tell"]
VERDICT_FALSE_ALARMS = 0.005
"""Rate at which sets without copies may be called copies; patients with several images raise it a little."""
TOGETHER = "all together"
"""The name under which the views count as one."""


class PlantedPower(Result):
    """How often planted copies of one kind were found."""

    kind: str
    share: float
    """Of the synthetic images."""
    copies: int
    view: str
    false_alarms: float
    """Rate at which sets without copies would be called copies."""
    power: float
    low: float
    high: float
    """Wilson's 95 % interval over the repeats."""

    @property
    def told(self) -> bool:
        """Whether it is what the verdict rests on: all views, and its rate of false alarms."""
        return self.view == TOGETHER and self.false_alarms == VERDICT_FALSE_ALARMS


class ViewFound(Result):
    """What one view found among the synthetic images."""

    name: str
    p_value: float
    nearer_than_all: int
    """Synthetic images nearer to a training image than every hold-out image is."""


class PrivacyControl(Result):
    """Sets without copies, in which an alarm is a fault of the audit."""

    name: Literal["hold-out as synthetic", "members only"]
    images: int
    """Shared out, by patient, between both sides."""
    repeats: int
    alarms: int


class PrivacyMeasure(Result):
    """A number of the literature, which decides nothing."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    beside: float | None = None
    """The same number where nobody copied: of hold-out images, or of the members-only control."""
    meaning: str


class SnapshotReplication(Result):
    """How many pictures of one snapshot lie nearer to a training than to a hold-out image, by registered pixels."""

    kimg: float
    """Thousand images that it has seen."""
    images: int
    """Pictures drawn from it."""
    beside: int
    """Training images, and as many hold-out images, that they were laid upon."""
    share: float
    """0.5 where nothing is copied."""
    low: float
    high: float
    """Wilson's 95 % interval for as many pictures as are unlike each other."""


class SubgroupAudit(Result):
    """Coverage and nearness for the real images of one category; None where too few are there to tell."""

    column: str
    category: str
    training: int
    hold_out: int
    coverage: float | None
    """Share of its hold-out images with a synthetic image nearer than their fifth neighbour."""
    low: float | None = None
    high: float | None = None
    """Wilson's 95 % interval."""
    nearest: int
    """Synthetic images whose nearest training image is of this category."""
    suspicious: int
    """Those nearer to it than every hold-out image whose nearest training image is of this category."""
    p_value: float | None
    """Chance of so much nearness where nobody copied, of these images alone."""


class PrivacyFilter(Result):
    """The filter that the synthetic images had passed before they were audited."""

    level: float
    """`generate.min_novelty`."""
    dropped: int
    """Pictures that it dropped."""


class ClosePair(Result):
    """A synthetic image and the training image nearest to it, for a person to judge."""

    synthetic: str
    real: str
    view: str
    nearness: float
    """Distance to the nearest over that to the tenth-nearest training image; 0 is a copy."""
    percentile: float
    """Share of hold-out images that are nearer."""


class PrivacyResult(Result):
    verdict: Verdict
    meaning: str
    p_value: float | None = None
    """Chance of so much nearness where nobody copied; None where it could not be tested."""
    training_images: int
    hold_out_images: int
    synthetic_images: int
    by_patient: bool
    """Whether patients are known, so that hold-out images are of others."""
    identical: int
    """Synthetic images that equal a training image pixel by pixel."""
    identical_hold_out: int
    suspicious: int = 0
    """Synthetic images nearer to a training image than every hold-out image is, in some view."""
    filtered: PrivacyFilter | None = None
    """A filter by the audit's own eye that the synthetic images had passed; None where there was none."""
    views: tuple[ViewFound, ...] = ()
    power: tuple[PlantedPower, ...] = ()
    controls: tuple[PrivacyControl, ...] = ()
    measures: tuple[PrivacyMeasure, ...] = ()
    replication: tuple[SnapshotReplication, ...] = ()
    """By snapshot, the earliest first; empty unless `privacy.snapshots` asks for it."""
    subgroups: tuple[SubgroupAudit, ...] = ()
    """By the columns of `prepare.subgroup_columns`."""
    pairs: tuple[ClosePair, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def in_one_line(self) -> str:
        return f"copying: {self.verdict}"

    def power_of(self, kind: str, share: float) -> PlantedPower | None:
        """How often copies of this kind and share are found; None where nobody measured it."""
        return next(
            (each for each in self.power if each.told and (each.kind, each.share) == (kind, share)), None
        )


class PrivacyConfig(StageSettings):
    """Memorisation audit: are there copies of training images among the synthetic ones, and would they be found?"""

    promise: ClassVar[Promise] = Promise(
        work="gist.privacy.stage:measure_privacy",
        result=PrivacyResult,
        files=("privacy.json",),
        takes="the same",
        gives="memorisation audit with planted copies and controls",
        needs=("prepare", "generate"),
        page="gist.privacy.page:privacy_page",
        command=False,  # it also audits three folders
        dear=("privacy.json",),
        kept=True,
        per_set=True,
        stays=("seen",),
    )

    steps: Auto | Annotated[int, Field(ge=1, le=100_000)] = "auto"
    """Steps in which the audit's own network learns to tell the training images apart. auto: 20 to 400, as many as a
    sixth of the training images."""
    max_images: Annotated[int, Field(ge=10)] = 3000
    """At most this many synthetic and this many hold-out images are looked at; training images always all."""
    repeats: Annotated[int, Field(ge=20, le=10_000)] = 100
    """Rehearsals behind each power and each control."""
    snapshots: Annotated[int, Field(ge=0, le=100)] = 0
    """So many snapshots, evenly from the first to the last, whose pictures are laid upon training and hold-out images,
    to see copying grow with the images seen. 0: none."""
    shown: Annotated[int, Field(ge=0, le=200)] = 24
    """Closest pairs shown for a person to judge."""
