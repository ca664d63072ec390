"""What each stage returns and later stages read; paths are relative to the run folder."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Result(BaseModel):
    """A frozen, JSON-friendly record."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PrepareResult(Result):
    resolution: int
    class_names: tuple[str, ...]
    """In label order; empty where the images carry no labels."""
    train_archive: str
    test_archive: str | None
    """None where nothing is held out."""
    train_images: int
    test_images: int
    class_counts: dict[str, dict[str, int]]
    """Class name -> {"train": n, "test": n}."""
    patients: int | None
    """Number of patients, None where no patient id is known (then the split is by image)."""
    rejected: dict[str, int]
    """Reason -> number of files set aside."""
    rejected_table: str
    """CSV of salted file id and reason."""
    source_digest: str
    """SHA-256 over the sorted SHA-256 of all accepted files."""
    upsampled: int
    notes: tuple[str, ...]
    """Sentences worth the reader's attention, such as class imbalance or a missing patient id."""


class Snapshot(Result):
    file: str
    kimg: float


class TrainResult(Result):
    snapshots: tuple[Snapshot, ...]
    """Oldest first; every file holds G_ema and its configuration only."""
    kimg: float
    seconds: float
    """Training time over all sittings."""
    device: str
    device_reason: str
    resolution: int
    class_names: tuple[str, ...]
    """Classes that can be asked for; empty for an unconditional generator."""
    settings: dict[str, Any]
    """Settings in use after `auto` was resolved."""
    reasons: dict[str, str]
    """Why each `auto` setting became what it is."""
    log: str
    """JSONL, one line per tick."""
    grid_real: str
    grids: tuple[str, ...]
    """Pictures of fixed latents, oldest first."""
    stopped_because: Literal["kimg reached", "hours reached"]


class GenerateResult(Result):
    archive: str
    images_folder: str
    labels_table: str
    images: int
    class_counts: dict[str, int]
    network: str
    network_sha256: str
    truncation_psi: float
    first_seed: int
    seconds: float
    images_per_second: float
    device: str


class Score(Result):
    """One number with everything needed to read it."""

    name: str
    """Such as `KID[radiomics]`."""
    group: str
    """`overall` or a class name."""
    value: float | None
    """None where there are too few images to tell."""
    low: float | None = None
    high: float | None = None
    """95 % interval where one is known."""
    p_value: float | None = None
    baseline: float | None = None
    """The same score of real images against other real images at the same n."""
    n_real: int
    n_synthetic: int
    fingerprint: str
    """Extractor, its weights, preprocessing and settings; unlike fingerprints must not be compared."""
    better: Literal["lower", "higher"]
    meaning: str
    """One plain sentence: what it measures and how to read this value."""
    verdict: Literal["good", "fair", "poor", "unknown"]
    """`unknown` where power is missing."""


class Neighbour(Result):
    synthetic: str
    """Name inside the synthetic archive."""
    real: str
    """Name inside the training archive."""
    distance: float
    drawn: Literal["at random", "as closest"]
    """How the synthetic image was picked to be shown; only a random draw can be held against chance."""
    percentile: float
    """Share of held-out real images that lie closer to their nearest training image than this pair, 0-1."""


class EvaluateResult(Result):
    scores: tuple[Score, ...]
    neighbours: tuple[Neighbour, ...]
    """The closest pairs of all, closest first, then pairs whose synthetic image was drawn at random."""
    scores_file: str
    notes: tuple[str, ...]
    seconds: float


class ReportResult(Result):
    report: str
