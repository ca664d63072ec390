"""The generate stage: snapshot to marked synthetic images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gist.numerals import counted
from gist.stages.networks import ShippedName
from gist.stages.promise import Promise, Result, StageSettings


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
    rejected: dict[str, int] = Field(default={})
    """Detector that weighed most -> number of pictures that the artifact filter dropped; of a set that was made
    elsewhere, reason -> files left out."""
    made_elsewhere: bool = False
    """Whether another program made the images; then nothing is known of network and seeds."""
    min_novelty: float | None = None
    """Share of hold-out images that the filter of near-copies would drop too; None without that filter."""
    near_copies: int = 0
    """Pictures that it dropped."""

    marks: dict[str, bool] | None = None
    """Mark -> whether every picture carries it, by the name of its setting; None where gist did not mark by it."""

    def in_one_line(self) -> str:
        classes = ", ".join(f"{name} {count}" for name, count in self.class_counts.items())
        origin = "made elsewhere" if self.made_elsewhere else f"of {Path(self.network).stem}"
        return f"{counted(self.images, 'image')} {origin}" + (f" ({classes})" if classes else "")


class GenerateConfig(StageSettings):
    """Draw synthetic images from a snapshot or any network file."""

    promise: ClassVar[Promise] = Promise(
        work="gist.generation.stage:generate",
        shard="gist.generation.stage:generate_shard",
        result=GenerateResult,
        files=("*.zip", "*.csv"),
        counted=("images/*.png",),
        takes="snapshot",
        gives="PNGs marked as synthetic, `labels.csv`, the same zip",
        uses=("prepare", "train"),
        inputs="gist.generation.best_snapshot:generate_inputs",
        private_inputs={
            "source": "the set that was made elsewhere changed",
            "credentials": "the key of the credentials changed",
        },
        check="gist.generation.check:check_generate",
        page="gist.generation.page:generate_page",
        command=False,  # it also draws without a run
        dear=("images/*.png",),
        kept=True,
        per_set=True,
    )

    source: Path | None = Field(None, json_schema_extra={"private": "the set that was made elsewhere"})
    """Folder or zip of synthetic images that another program made: they are brought in instead of drawn."""
    labels: Path | None = Field(None, json_schema_extra={"private": "its label table", "inside": "source"})
    """CSV of their classes; a relative path is looked up in `source` first. Default: folders or dataset.json."""
    network: Literal["latest", "best"] | ShippedName | Annotated[str, Field(pattern="^network-")] | Path = (
        "latest"
    )
    """`latest`, `best` (see `train.best_by`), a snapshot by name, one of `gist networks`, or a network file."""
    count: Annotated[int, Field(ge=1, le=10_000_000)] = 1000
    """How many images, shared among the classes as in the training set unless `per_class` is given."""
    per_class: dict[str, Annotated[int, Field(ge=0)]] | None = None
    """Images per class by class name, instead of `count`."""
    first_seed: Annotated[int, Field(ge=0, lt=2**62)] = 0
    """Seed of the first image; image i has seed first_seed + i and depends on nothing else."""
    truncation_psi: Annotated[float, Field(ge=-2, le=2)] = 1.0
    """1: full variety; below 1: closer to the average radiograph, fewer failures, less variety."""
    truncation_cutoff: Annotated[int, Field(ge=0)] | None = None
    """Number of layers that truncation applies to. Default: all."""
    reject_artifacts: Annotated[float, Field(gt=0, le=0.5)] | None = None
    """Replace pictures that look odder than all but this share of held-out real ones, such as 0.05. Default: keep."""
    min_novelty: Annotated[float, Field(gt=0, le=0.5)] | None = None
    """Replace pictures that lie nearer to a training image than all but this share of hold-out images do, such as 0.01,
    by the eye of `gist privacy`. A filter is not a proof. Default: keep."""
    watermark: bool = True
    """Hide in the pixels that gist made them and by which network; it outlives copies without metadata."""
    metadata: bool = True
    """Say in text chunks and XMP (IPTC DigitalSourceType) of every file that it is synthetic."""
    fingerprints: bool = True
    """Write `fingerprints.csv`, by which `gist verify` knows the pictures again when all marks are gone."""
    credentials: Path | None = Field(None, json_schema_extra={"private": "the key of the credentials"})
    """PEM file to sign C2PA Content Credentials with; `gist credentials FILE` makes one. Default: not signed."""

    @property
    def in_shards(self) -> bool:
        """Whether pictures do not wait for those before them, as filtered ones and those made elsewhere do."""
        return self.source is None and self.reject_artifacts is None and self.min_novelty is None
