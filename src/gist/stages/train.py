"""The train stage: prepared archive to snapshots of a generator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from gist.numerals import counted
from gist.stages.networks import ShippedName
from gist.stages.promise import Auto, Promise, Result, StageSettings


class Snapshot(Result):
    file: str
    kimg: float
    kid: float | None = None
    """KID[radiomics] against held-out images, where it was scored."""
    kid_error: float | None = None
    """Standard error of `kid`."""
    variety: float | None = None
    """Variety of the grid's images as a share of the real ones'."""


UNTIL_HOURS = "until train.hours is used up"
"""Why a training has the length it has, where its settings give hours and no number of images."""


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

    @property
    def took_its_hours(self) -> bool:
        """Whether nothing but `train.hours` was to end it, and did."""
        return self.stopped_because == "hours reached" and self.reasons.get("kimg") == UNTIL_HOURS

    def in_one_line(self) -> str:
        planned = self.settings.get("kimg", self.kimg)
        ended = {
            "kimg reached": f"{self.kimg:g} kimg",
            "hours reached": f"{self.kimg:.2f} kimg, all that train.hours allowed"
            if self.took_its_hours
            else f"stopped by train.hours at {self.kimg:.2f} of {planned:g} kimg",
            "no longer better": f"stopped by train.patience_kimg at {self.kimg:.2f} of {planned:g} kimg",
        }[self.stopped_because]
        best = "" if self.best is None else f", best {Path(self.best).stem}"
        return f"{ended}, {counted(len(self.snapshots), 'snapshot')}{best}"


class TrainSettings(StageSettings):
    """Train a generator on the prepared data of a run folder.

    What every kind of generator shares; `gist.config` adds the settings of each.
    """

    promise: ClassVar[Promise] = Promise(
        work="gist.training.stage:train",
        result=TrainResult,
        files=("snapshots/*.safetensors", "log.jsonl"),
        takes="archive",
        gives=("{generators} snapshots (the generator only), picture grids, log"),
        needs=("prepare",),
        check="gist.training.preflight:check_train",
        page="gist.training.page:train_page",
        dear=("checkpoints/[0-9]*", "snapshots/*.safetensors"),
        kept=True,
        belongings=("evaluate/snapshots.json",),  # the next training gives its snapshots the same names
        remarks=("plan.json", ("device", "operations", "precision")),
        shared=True,
    )

    architecture: str = "auto"
    """Kind of generator."""
    conditional: Auto | bool = "auto"
    """Learn one generator that draws any class on request. auto: yes with two classes or more."""
    start_from: ShippedName | Path | None = None
    """Network to continue from: one of `gist networks`, a network file, or an official .pkl."""
    kimg: Auto | Annotated[float, Field(gt=0)] = Field("auto", json_schema_extra={"restarts": False})
    """Training length in thousands of real images shown, repeats counted."""
    hours: Annotated[float, Field(gt=0)] | None = Field(None, json_schema_extra={"restarts": False})
    """Hours of training after which it ends. Alone it says how long to train; with `kimg`, whichever comes first."""
    batch: Auto | Annotated[int, Field(ge=2, le=4096)] = "auto"
    """Images per step."""
    micro_batch: Auto | Annotated[int, Field(ge=1)] = "auto"
    """Images per forward pass; smaller needs less memory. Must divide `batch`."""
    allow_mirror: bool = False
    """Allow left-right mirroring; only sound where laterality does not matter."""
    snapshot_kimg: Auto | Annotated[float, Field(gt=0)] = Field("auto", json_schema_extra={"restarts": False})
    """A snapshot and a picture grid are written every so many thousand images."""
    best_by: Literal["auto", "kid", "none"] = Field("auto", json_schema_extra={"restarts": False})
    """How the best snapshot is told. kid: KID[radiomics] of 200 images to held-out ones. auto: kid if it is cheap."""
    patience_kimg: Annotated[float, Field(gt=0)] | None = Field(None, json_schema_extra={"restarts": False})
    """Stop when no snapshot has been better than the best one for so many thousand images; needs `best_by`."""
    checkpoint_minutes: Annotated[float, Field(gt=0)] = Field(5.0, json_schema_extra={"restarts": False})
    """A resumable checkpoint is written at least this often."""
    precision: Literal["auto", "float32", "tf32", "bfloat16", "float16"] = Field(
        "auto", json_schema_extra={"restarts": False}
    )
    """Precision of the inner layers. auto: bfloat16 or float16 on a GPU, float32 on a CPU."""
    tensorboard: bool = Field(False, json_schema_extra={"restarts": False})
    """Also write TensorBoard events (needs `pip install gist-synth[tensorboard]`)."""

    @model_validator(mode="after")
    def _micro_batch_divides(self) -> TrainSettings:
        if self.batch != "auto" and self.micro_batch != "auto" and self.batch % self.micro_batch:
            raise ValueError(f"micro_batch {self.micro_batch} does not divide batch {self.batch}")
        return self
