"""What each stage returns and later stages read; paths are relative to the run folder."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Result(BaseModel):
    """A frozen, JSON-friendly record."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


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
    """Class name -> {"train": n, "test": n}, and "val" where there is such a part."""
    patients: int | None
    """Number of patients, None where no patient id is known (then the split is by image)."""
    rejected: dict[str, int]
    """Reason -> number of files set aside."""
    rejected_table: str
    """CSV of salted file id and reason."""
    val_archive: str | None = None
    """None where nothing is kept for choosing between settings."""
    val_images: int = 0
    source_digest: str
    """SHA-256 over the sorted SHA-256 of all accepted pictures, as they stand in the archives."""
    upsampled: int
    notes: tuple[str, ...]
    """Sentences worth the reader's attention, such as class imbalance or a missing patient id."""
    data_page: str | None = None
    """The data report; None in runs from before there was one."""
    text_search: Literal["none", "strokes", "words"] = "strokes"
    """How text in the pixels was looked for: by its strokes, or by reading words, too."""


class Snapshot(Result):
    file: str
    kimg: float
    kid: float | None = None
    """KID[radiomics] against held-out images, where it was scored."""
    kid_error: float | None = None
    """Standard error of `kid`."""
    variety: float | None = None
    """Variety of the grid's images as a share of the real ones'."""


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
    stopped_because: Literal["kimg reached", "hours reached", "no longer better"]
    best: str | None = None
    """The snapshot with the lowest KID, where snapshots were scored."""
    progress_animation: str | None = None
    """Pictures of fixed latents from first to last, as animated WebP."""
    operations: str = ""
    """Implementation of the networks' inner loops that ran; empty in runs of before this was noted."""
    precision: str = "float32"
    """Of the inner layers."""


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
    images_per_second: float | None
    """None where every picture was there already, so that no rate was measured."""
    device: str
    last_seed: int | None = None
    """Seed of the last picture drawn, kept or not; None in runs of before this was noted."""
    reject_level: float | None = None
    """Share of real images that the artifact filter would reject too; None without the filter."""
    rejected: dict[str, int] = {}
    """Detector that weighed most -> number of pictures that the artifact filter dropped."""


Direction = Literal["lower", "higher", "as real"]
"""Which values of a score are better; `as real`: those near its baseline."""


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
    better: Direction
    meaning: str
    """One plain sentence: what it measures and how to read this value."""
    verdict: Literal["good", "fair", "poor", "unknown", "none found"]
    """`unknown` where power is missing; `none found` of near-copies only, as a passed search proves nothing."""


class SnapshotScores(Result):
    """What one snapshot scored."""

    file: str
    """Name inside `train/snapshots`."""
    kimg: float
    sha256: str
    scores: tuple[Score, ...]
    """KID first."""


class SnapshotCurve(Result):
    """All snapshots of a training on the same real images: `evaluate/snapshots.json`."""

    best: str
    """File of the snapshot with the lowest KID."""
    tied: tuple[str, ...]
    """Files of others that KID cannot tell from it at this number of images."""
    judged_by: Literal["validation", "held-out", "training"] = "held-out"
    """Real images that the snapshots were held against: those that prepare kept for choosing, where it kept any."""
    snapshots: tuple[SnapshotScores, ...]
    """Oldest first."""


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


class ArtifactSummary(Result):
    """How many synthetic images look less real than held-out real ones; single images stand in the table."""

    table: str
    heat_maps: str
    images: int
    """Synthetic images judged."""
    training: int
    """Real images that the detectors learnt from."""
    held_out: int
    """Real images behind the p-values."""
    false_discoveries: float
    """Share of the flagged images that may be wrong (Benjamini and Hochberg)."""
    flagged: int
    share: float
    low: float
    high: float
    """95 % interval of the share flagged."""
    least_share: float
    """A smaller share of artifacts than this cannot be flagged with so few held-out images."""
    real_level: float
    odd_share: float
    """Share of synthetic images that look worse than all but a share `real_level` of real ones."""
    odd_low: float
    odd_high: float
    reasons: dict[str, int]
    """Detector that weighed most -> number of flagged images."""
    meaning: str
    verdict: Literal["good", "fair", "poor", "unknown"]
    """`unknown` where power is missing."""


class EvaluateResult(Result):
    scores: tuple[Score, ...]
    neighbours: tuple[Neighbour, ...]
    """The closest pairs of all, closest first, then pairs whose synthetic image was drawn at random."""
    held_out_images: int = 0
    """Held-out images that the percentiles of the neighbours rest on; 0 where none is held out."""
    identical_images: int | None = None
    """Of all synthetic images, those that cannot be told from a training image; None where nobody counted them."""
    scores_file: str
    notes: tuple[str, ...]
    seconds: float
    artifacts: ArtifactSummary | None = None
    """None where too few real images were at hand to judge single images by."""


class Interval(Result):
    """A number with its 95 % interval, where one is known."""

    value: float
    low: float | None = None
    high: float | None = None


class UtilityClassifier(Result):
    """A classifier and how it was trained, the same in every arm."""

    name: str
    weights: str
    """What it started from, in words."""
    steps: int
    pixels: int


class UtilityClass(Result):
    """One class of one arm; means over seeds."""

    name: str
    images: int
    precision: float
    recall: float
    f1: float


class UtilityArm(Result):
    """One way of training and testing a classifier; every rate is the mean over seeds."""

    classifier: str
    arm: str
    """Base, GAN-train, GAN-test, Real+Synthetic, a part of the real images, or a control."""
    learned_from: dict[str, int]
    """Class name -> images."""
    tested_on: str
    tested: int
    """Test images."""
    confusions: tuple[tuple[tuple[int, ...], ...], ...]
    """Raw counts, seed by seed: rows are true classes, columns predicted ones."""
    accuracy: Interval
    """With Wilson's interval at n = tested."""
    balanced_accuracy: Interval
    """With the bootstrap interval over patients and seeds."""
    precision: float
    recall: float
    f1: float
    """Means over classes."""
    classes: tuple[UtilityClass, ...]


class UtilityFinding(Result):
    """An arm held against Base, in balanced accuracy."""

    classifier: str
    question: str
    """GAN-train, GAN-test or Real+Synthetic."""
    difference: Interval
    """Arm minus Base; paired bootstrap over patients and seeds."""
    smallest_detectable: float
    """Difference that this experiment would find with 80 % power."""
    verdict: Literal["good", "fair", "poor", "unknown"]
    """`unknown` where power is missing."""
    meaning: str


class UtilityControl(Result):
    """Whether the experiment itself can be believed."""

    classifier: str
    name: Literal["shuffled labels", "real copies"]
    balanced_accuracy: Interval
    passed: bool
    meaning: str


class SyntheticWorth(Result):
    """How many real images teach as much as the synthetic ones."""

    classifier: str
    images: int
    """Synthetic images learned from."""
    sizes: tuple[int, ...]
    """Numbers of real images tried, ascending."""
    curve: tuple[float, ...]
    """Balanced accuracy at each size."""
    gan_train: float
    value: int | None
    low: int | None
    high: int | None
    """None where it lies outside the sizes tried or cannot be told."""
    told: bool
    meaning: str


class UtilityResult(Result):
    left_out: str | None = None
    """Why nothing was measured."""
    class_names: tuple[str, ...] = ()
    seeds: int = 0
    classifiers: tuple[UtilityClassifier, ...] = ()
    arms: tuple[UtilityArm, ...] = ()
    findings: tuple[UtilityFinding, ...] = ()
    controls: tuple[UtilityControl, ...] = ()
    worth: tuple[SyntheticWorth, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class ReportResult(Result):
    report: str
