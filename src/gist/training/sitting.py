"""One sitting of training in a run folder: from a whole state to the end, with all that is written on the way."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gist import ops
from gist.config import Config
from gist.files import write_json
from gist.generators.learning.images import TrainingImages
from gist.generators.learning.learner import Learner
from gist.generators.learning.precision import Precision
from gist.generators.network_file import save_network
from gist.machine.device import Device
from gist.machine.interruption import Stopped, StopRequest
from gist.machine.memory import GIBIBYTE, peak_bytes
from gist.machine.team import Team
from gist.progress import Progress
from gist.runs.checkpoint import save_checkpoint
from gist.runs.folder import RunFolder
from gist.stages.train import UNTIL_HOURS, Snapshot, TrainResult
from gist.training import warnings
from gist.training.grids import Grids
from gist.training.hold_out import HoldOut
from gist.training.log import TrainingLog
from gist.training.loop import Stop, StopReason, train_until
from gist.training.record import TrainingRecord

_TICKS = 400
"""Log lines over a whole training, or over twelve snapshots where nobody knows how long it is."""


@dataclass
class Sitting:
    """Drives a learner, and writes what people and later stages read; in a team only the leader writes."""

    config: Config
    run: RunFolder
    progress: Progress
    device: Device
    team: Team
    learner: Learner
    record: TrainingRecord
    images: TrainingImages
    hidden: frozenset[str]
    """Names of real images that are not to be shown."""
    precision: Precision
    hold_out: HoldOut | None
    folder: Path = field(init=False)
    grids: Grids = field(init=False)
    log: TrainingLog | None = field(init=False, default=None)
    speed: str = field(init=False, default="")
    saved_at: float = field(init=False, default=0.0)
    warned: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.folder = self.run.stage_folder("train")
        self.grids = Grids(
            self.folder / "grids",
            self.images,
            self.learner.model.latent_shape,
            self.config.seed,
            self.device.torch_device,
            hidden=self.hidden,
        )

    def train(self, request: StopRequest) -> TrainResult:
        """Steps until the settings or a request say to stop.

        Raises:
            Stopped: a request came; a checkpoint was written.
        """
        learner, train, plan = self.learner, self.config.train, self.learner.plan
        learner.use_precision(self.precision)
        snapshot_images = max(plan.batch, round(plan.snapshot_kimg * 1000))
        stop = Stop(
            round(plan.kimg * 1000),
            None if train.hours is None else train.hours * 3600,
            train.patience_kimg,
        )
        length = 12 * snapshot_images if plan.reasons.get("kimg") == UNTIL_HOURS else stop.images
        if self.team.leads:
            self.log = TrainingLog(
                self.folder, learner.images, tensorboard=train.tensorboard, on_note=self.progress.note
            )
            self.grids.write_real(learner.most_changed)
            if learner.images == 0 and not self.grids.file(0).exists():
                self.grids.write(learner.model, 0)
            self._write_plan()
        self.saved_at = time.monotonic()
        self.progress.advance(learner.images / 1000, stop.images / 1000, "kimg")
        try:
            reason = train_until(
                learner,
                self.record,
                stop,
                self.team,
                tick_images=max(plan.batch, length // _TICKS),
                snapshot_images=snapshot_images,
                on_tick=self._tick,
                on_snapshot=self._snapshot,
                after_step=lambda: self._after_step(stop, request),
            )
            written = self.record.snapshots
            if not written or round(written[-1]["kimg"] * 1000) < learner.images:
                self._snapshot()
        finally:
            if self.log is not None:
                self.log.close()
        self._checkpoint()
        return self._result(reason)

    def _after_step(self, stop: Stop, request: StopRequest) -> None:
        kimg = self.learner.images / 1000
        end = self._likely_end(stop)
        detail = "until train.hours" if end < stop.images else self.speed
        self.progress.advance(kimg, end / 1000, "kimg", detail)
        asked = self.team.any(request.received is not None)
        if asked or time.monotonic() - self.saved_at > self.config.train.checkpoint_minutes * 60:
            self._checkpoint()
        if asked:
            # Nobody leaves before the checkpoint is written: torchrun soon kills those that outlive the first.
            self.team.from_leader(kimg)
            raise Stopped(
                f"Training stopped at {kimg:.2f} kimg ({request.received or 'as the others'}); a checkpoint is "
                "written and the same command continues it."
            )

    def _likely_end(self, stop: Stop) -> float:
        """Images at which training ends at the speed so far: fewer than planned where `train.hours` comes first."""
        done, seconds = self.learner.images, self.record.seconds
        if stop.seconds is None or not seconds:
            return stop.images
        return min(stop.images, done * max(1.0, stop.seconds / seconds))

    def _checkpoint(self) -> None:
        if self.team.leads:
            facts = self.record.facts() | self.learner.facts()
            save_checkpoint(self.folder / "checkpoints", self.learner.images, self.learner.tensors(), facts)
        self.saved_at = time.monotonic()

    def _snapshot(self) -> dict[str, float]:
        """Writes a snapshot and what it is worth; returns the numbers for the log."""
        learner, images = self.learner, self.learner.images
        file = self.folder / "snapshots" / f"network-{images:09d}.safetensors"
        numbers = dict.fromkeys(("variety", "kid", "kid_error", "overfitting"), math.nan)
        if self.team.leads:
            metadata = {
                "kimg": images / 1000,
                "class_names": list(self._class_names),
                "notice": "G_ema of a generator of synthetic images; its images are not for diagnosis.",
            }
            save_network(file, learner.model, metadata=metadata)
            numbers["variety"] = self.grids.write(learner.model, images)
            if self.log is not None:
                self.log.show(images, self.grids.file(images))
            if self.hold_out is not None:
                score = self.hold_out.score(learner)
                numbers |= {key: value for key, value in vars(score).items() if value is not None}
        shared = self.team.from_leader(*numbers.values())
        numbers = {key: value for key, value in zip(numbers, shared, strict=True) if math.isfinite(value)}
        entry: dict[str, Any] = {"file": self.run.relative(file), "kimg": images / 1000}
        entry |= {key: value for key, value in numbers.items() if key in Snapshot.model_fields}
        self.record.snapshots.append(entry)
        if self.team.leads and self.record.best is not None:
            write_json(self.folder / "best.json", self.record.best)
        self.saved_at = -math.inf  # a checkpoint is due once the log has these numbers
        return numbers

    def _tick(self, means: dict[str, float], seconds_per_kimg: float) -> None:
        """A line of the log, and warnings that were not given before."""
        self.speed = f"{seconds_per_kimg:.1f} s/kimg"
        if self.log is None:
            return
        numbers = {
            "seconds": round(self.record.seconds, 1),
            "sec_per_kimg": round(seconds_per_kimg, 2),
            **self.learner.readings(),
            **means,
        }
        peak = peak_bytes(self.device.torch_device)
        if peak is not None:
            numbers["peak_memory_gib"] = peak / GIBIBYTE
        found = self.learner.troubles(means)
        if "variety" in means:
            advice = self.learner.against_collapse
            if self.config.train.start_from is None:
                advice += " or from a pretrained network"
            collapse = warnings.collapse(self.record.varieties, self.learner.images / 1000, advice)
            found |= {"collapse": collapse} if collapse else {}
        new = [sentence for kind, sentence in found.items() if kind not in self.warned]
        self.warned |= found.keys()
        for sentence in new:
            self.progress.note(f"Warning: {sentence}")
        self.log.write(self.learner.images, numbers, new)

    def _result(self, reason: StopReason) -> TrainResult:
        grids = sorted(self.run.relative(file) for file in self.grids.folder.glob("network-*.png"))
        animation = self.grids.write_progress(self.record.snapshots) if self.team.leads else None
        best = self.record.best
        return TrainResult(
            snapshots=tuple(
                Snapshot.model_validate({k: v for k, v in entry.items() if k in Snapshot.model_fields})
                for entry in self.record.snapshots
            ),
            kimg=self.learner.images / 1000,
            seconds=self.record.seconds,
            device=str(self.device.torch_device),
            device_reason=self.device.reason,
            resolution=self.images.data_set.resolution,
            class_names=self._class_names,
            settings=self.learner.plan.settings(),
            reasons=self.learner.plan.reasons,
            log="train/log.jsonl",
            grid_real=self.run.relative(self.grids.real_file),
            grids=tuple(grids),
            stopped_because=reason,
            best=None if best is None else best["file"],
            progress_animation=None if animation is None else self.run.relative(animation),
            operations=ops.active_backend(self.device.torch_device),
            precision=self.precision,
        )

    @property
    def _class_names(self) -> tuple[str, ...]:
        return self.images.data_set.class_names if self.learner.plan.conditional else ()

    def _write_plan(self) -> None:
        """What is trained where and how, and why, for people and for `gist status` while it runs."""
        plan = {
            "settings": self.learner.plan.settings(),
            "reasons": self.learner.plan.reasons,
            "device": self.device.reason,
            "operations": ops.active_backend(self.device.torch_device),
            "precision": self.precision,
        }
        write_json(self.folder / "plan.json", plan)
