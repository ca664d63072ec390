"""The evaluate stage: held-out real images against synthetic ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gist.numerals import counted, significant
from gist.stages.promise import Promise, Result, StageSettings

FINE_DETAIL = "octave 1[spectrum]"
"""Name of the score of the highest frequencies."""
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
    baseline_low: float | None = None
    baseline_high: float | None = None
    """Middle 95 % of what chance makes of it, where that is known."""
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

    def in_one_line(self) -> str:
        told = []
        overall = {score.name: score for score in self.scores if score.group == "overall"}
        kid = next((score for name, score in overall.items() if name.startswith("KID")), None)
        if kid is not None:
            told.append(
                f"{kid.name} cannot be told from so few images"
                if kid.value is None
                else f"{kid.name} {significant(kid.value)}, {kid.verdict}"
            )
        detail = overall.get(FINE_DETAIL)
        if detail is not None and detail.value is not None:
            told.append(f"fine detail {significant(detail.value)} of real, {detail.verdict}")
        if self.artifacts is not None:
            told.append(
                f"artifacts found in {self.artifacts.flagged:,} of {counted(self.artifacts.images, 'image')}"
            )
        if self.identical_images:
            told.append(f"{counted(self.identical_images, 'image')} cannot be told from a training image")
        return "; ".join(told)


class EvaluateConfig(StageSettings):
    """Real held-out images against synthetic ones."""

    promise: ClassVar[Promise] = Promise(
        work="gist.evaluation.stage:evaluate",
        result=EvaluateResult,
        files=("scores.json", "artifacts.csv", "artifacts.safetensors"),
        takes="hold-out and synthetic images",
        gives=(
            "KID, Frechet distance, precision, recall, density, coverage, power spectrum, nearest neighbours, "
            "artifacts image by image"
        ),
        needs=("prepare", "generate"),
        inputs="gist.evaluation.weights_file:weights_inputs",
        private_inputs={"weights": "the file that evaluate.weights names is another than before"},
        check="gist.evaluation.check:check_evaluate",
        page="gist.evaluation.page:evaluate_page",
        dear=("scores.json",),
        kept=True,
        per_set=True,
        command=False,  # it can look at every snapshot instead
        stays=("features", "snapshots.json"),  # known by the content of their images; about the training
    )

    extractor: Literal[
        "radiomics",
        "auto",
        "inception",
        "dinov2",
        "swav",
        "squeezenet",
        "resnet50",
        "resnet101",
        "inception_v3",
        "vgg16",
        "vgg19",
    ] = "radiomics"
    """Image features to compare. radiomics needs no weights; the others do (`gist weights`), and only inception gives
    FID; auto: the best whose weights are found, else radiomics."""
    weights: Path | None = Field(None, json_schema_extra={"private": "the weights file"})
    """File with the extractor's weights. Default: looked for in $GIST_WEIGHTS_DIR and the user's cache."""
    literature: bool = False
    """Also fid50k_full, kid50k_full and pr50k3_full as papers report them: 50,000 new images, all training images."""
    max_images: Annotated[int, Field(ge=10)] = 5000
    """At most this many images of each side are compared."""
    neighbours: Annotated[int, Field(ge=1, le=50)] = 3
    """Neighbourhood size k of precision, recall, density and coverage."""
    permutations: Annotated[int, Field(ge=0, le=100_000)] = 500
    """Permutations behind the p-value of KID."""
    shown: Annotated[int, Field(ge=1, le=200)] = 24
    """Synthetic images shown with their nearest training image."""
