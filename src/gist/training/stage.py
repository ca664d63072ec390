"""The train stage: prepared archive in; snapshots, picture grids and a log out; continues after any kill."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import torch

from gist import ops
from gist.config import Config
from gist.errors import InputError, StageError
from gist.files import write_json
from gist.generators.augment import AdaController, AugmentPipe
from gist.generators.gan.learner import Trainer
from gist.generators.gan.plan import generator_widening
from gist.generators.gan.spec import NetworkSpec
from gist.generators.gan.start import Start, take_over
from gist.generators.gan.state import TrainingState, new_state
from gist.generators.learning.guards import NotFiniteError
from gist.generators.learning.images import TrainingImages
from gist.generators.learning.plan import TrainingPlan
from gist.generators.learning.precision import apply_precision, choose_precision, wider_precision
from gist.generators.learning.randomness import random_stream
from gist.generators.network_file import save_network
from gist.generators.registry import build_discriminator, build_generator
from gist.images.archive import DataSet, read_data_set
from gist.machine.device import Device, choose_device
from gist.machine.interruption import Stopped, StopRequest, deferred_signals
from gist.machine.memory import GIBIBYTE, peak_bytes, ran_out_of_memory
from gist.machine.team import Team, call_to_training
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.text_flags import read_text_flags
from gist.stages.prepare import PrepareResult
from gist.stages.train import Snapshot, TrainResult
from gist.training import warnings
from gist.training.checkpoint import load_newest, remove_unfinished, save_checkpoint
from gist.training.grids import Grids
from gist.training.hold_out import HoldOut
from gist.training.log import TrainingLog
from gist.training.loop import Stop, StopReason, train_until
from gist.training.preflight import plan_of_run, prepared_data, scored_against
from gist.version import __version__

_TICKS = 400
"""Log lines over a whole training."""
_MAGNITUDE_HALF_LIFE_IMAGES = 20_000


def train(config: Config, run: RunFolder, progress: Progress, team: Team | None = None) -> TrainResult:
    """Trains a generator on the prepared archive until `train.kimg`, `train.hours` or `train.patience_kimg`.

    Under torchrun the leader calls this as the others do, each with its `team`; only the leader writes.

    Raises:
        InputError: settings contradict the data, or nothing is prepared.
        StageError: training broke down; the last good checkpoint is kept.
        Stopped: a signal asked to stop; a checkpoint was written.
    """
    team = team or call_to_training()
    assert team is not None
    device = choose_device(config)
    prepared = prepared_data(run)
    start, plan = plan_of_run(config, device, prepared)
    data_set = read_data_set(run.path / prepared.train_archive)
    session = _Session(config, run, progress, device, data_set, plan, start, team, prepared)
    try:
        with deferred_signals() as request:
            return session.train(request)
    except RuntimeError as error:
        if not ran_out_of_memory(error):
            raise
        raise StageError(
            "Memory ran out outside the training step; lower prepare.resolution or train.channel_base, or close other "
            "programs, and run the same command to continue."
        ) from None


def specification(plan: TrainingPlan, resolution: int, classes: int) -> NetworkSpec:
    """The networks that a plan asks for."""
    widen = generator_widening(plan.architecture)
    return NetworkSpec(
        architecture=plan.architecture,
        resolution=resolution,
        channels=1,
        classes=classes if plan.conditional else 0,
        z_dim=plan.z_dim,
        w_dim=plan.w_dim,
        mapping_layers=plan.mapping_layers,
        channel_base=plan.channel_base * widen,
        channel_max=plan.channel_max * widen,
        d_channel_base=plan.channel_base,
        d_channel_max=plan.discriminator_channel_max,
        magnitude_ema_beta=0.5 ** (plan.batch / _MAGNITUDE_HALF_LIFE_IMAGES),
    )


@dataclass
class _Session:
    """One sitting of training in a run folder."""

    config: Config
    run: RunFolder
    progress: Progress
    device: Device
    data_set: DataSet
    plan: TrainingPlan
    start: Start | None
    team: Team
    prepared: PrepareResult

    def train(self, request: StopRequest) -> TrainResult:
        self.folder = self.run.stage_folder("train")
        self.checkpoints = self.folder / "checkpoints"
        self.images = TrainingImages(self.data_set, conditional=self.plan.conditional, seed=self.config.seed)
        self.class_names = self.data_set.class_names if self.plan.conditional else ()
        self.warned: set[str] = set()
        # Shapes stay the same for thousands of steps, so trying all of cuDNN's algorithms pays.
        torch.backends.cudnn.benchmark = self.device.on_gpu
        ops.prepare(self.device.torch_device, self.progress.note)
        self.progress.note(
            f"Training on {self.device.reason}; {ops.active_backend(self.device.torch_device)}."
        )
        self.precision, reason = choose_precision(self.config.train.precision, self.device)
        if self.precision != "float32":
            self.progress.note(f"Precision of the inner layers: {self.precision}; {reason}.")
        self.hold_out = self._hold_out()
        if self.hold_out is not None:
            self.progress.note(
                f"Snapshots are scored by KID[radiomics] on {self.hold_out.count} held-out images."
            )
        try:
            return self._sitting(self._state(), request)
        except NotFiniteError as error:
            wider = wider_precision(self.precision, self.device)
            if wider is None:
                raise
            self.progress.note(
                f"{error.where[0].upper()}{error.where[1:]} is not finite in {self.precision}: going on from the "
                f"last checkpoint in {wider}."
            )
        state = self._state()
        state.float32_only = True
        return self._sitting(state, request)

    def _sitting(self, state: TrainingState, request: StopRequest) -> TrainResult:
        """From a whole state to the end of training."""
        if state.float32_only:
            self.precision = wider_precision(self.precision, self.device) or self.precision
        apply_precision(self.precision, state.G, state.D)
        train = self.config.train
        state.G.synthesis.checkpointing = train.checkpointing
        self.grids = Grids(
            self.folder / "grids", self.images, state.G.z_dim, self.config.seed, self.device.torch_device,
            hidden=read_text_flags(self.run, self.prepared).training,
        )  # fmt: skip
        trainer = Trainer(
            state,
            self.plan,
            self.images,
            AugmentPipe(train.augment, allow_mirror=train.allow_mirror),
            self.config.seed,
            team=self.team,
            on_note=self.progress.note,
        )
        stop = Stop(
            round(self.plan.kimg * 1000),
            None if train.hours is None else train.hours * 3600,
            None if train.patience_kimg is None else train.patience_kimg * 1000,
        )
        if self.team.leads:
            self.log = TrainingLog(
                self.folder, state.images, tensorboard=train.tensorboard, on_note=self.progress.note
            )
            self.grids.write_real(train.augment, allow_mirror=train.allow_mirror)
            if state.images == 0 and not self.grids.file(0).exists():
                self.grids.write(state.G_ema, 0)
            self._write_plan()
        self._saved_at = time.monotonic()
        speed = ""

        def after_step() -> None:
            self.progress.advance(state.images / 1000, stop.images / 1000, "kimg", speed)
            asked = self.team.any(request.received is not None)
            if asked or time.monotonic() - self._saved_at > train.checkpoint_minutes * 60:
                self._checkpoint(state)
            if asked:
                raise Stopped(
                    f"Training stopped at {state.images / 1000:.2f} kimg ({request.received or 'as the others'}); "
                    "a checkpoint is written and the same command continues it."
                )

        def on_tick(means: dict[str, float], seconds_per_kimg: float) -> None:
            nonlocal speed
            speed = f"{seconds_per_kimg:.1f} s/kimg"
            self._log(state, means, seconds_per_kimg)

        self.progress.advance(state.images / 1000, stop.images / 1000, "kimg")
        try:
            reason = train_until(
                trainer,
                stop,
                tick_images=max(self.plan.batch, stop.images // _TICKS),
                snapshot_images=max(self.plan.batch, round(self.plan.snapshot_kimg * 1000)),
                on_tick=on_tick,
                on_snapshot=lambda: self._snapshot(state),
                after_step=after_step,
            )
            if not state.snapshots or round(state.snapshots[-1]["kimg"] * 1000) < state.images:
                self._snapshot(state)
        finally:
            if self.team.leads:
                self.log.close()
        self._checkpoint(state)
        return self._result(state, reason)

    def _hold_out(self) -> HoldOut | None:
        """What snapshots are scored against."""
        archive = scored_against(self.config.train, self.plan, self.prepared)
        if archive is None or not self.team.leads:
            return None
        cache = self.folder / "features"
        return HoldOut(
            self.images, read_data_set(self.run.path / archive), seed=self.config.seed, cache=cache
        )

    def _state(self) -> TrainingState:
        """The newest checkpoint, or a state before the first step."""
        spec = specification(self.plan, self.data_set.resolution, len(self.data_set.class_names))
        ops.tune_memory_allocator(one_arena=spec.is_stylegan3)
        torch.manual_seed(random_stream(self.config.seed, "initial weights", 0).initial_seed())
        frozen = self.config.train.freeze_discriminator_layers
        found = load_newest(self.checkpoints)
        if found is None and self.start is not None:
            folder = self.folder if self.team.leads else None
            G, D = take_over(self.start, spec, self.class_names, frozen, folder, self.progress)
        else:
            G, D = build_generator(spec), build_discriminator(spec, freeze_layers=frozen)
        device = self.device.torch_device
        train = self.config.train
        ada = AdaController(
            target=train.augment_target,
            # Slow as published only where much is shown; never by train.kimg, which may change in mid-training.
            kimg_to_full=500.0 if self.device.on_gpu and self.start is None else 100.0,
            p_max=train.augment_p_max,
            fixed_p=0.0 if train.augment == "none" else None,
        )
        state = new_state(G.to(device), D.to(device), self.plan, ada)
        if found is not None:
            tensors, facts = found
            state.restore(tensors)
            state.restore_facts(facts)
            self.progress.note(f"Continuing at {state.images / 1000:.2f} kimg.")
        (agreed,) = self.team.from_leader(state.images)
        if agreed != state.images:
            raise InputError(
                f"This process sees another checkpoint in {self.run.path} than the first one; the run folder must "
                "lie on a disk that all processes share."
            )
        if self.team.leads:
            remove_unfinished(self.checkpoints)
        return state

    def _checkpoint(self, state: TrainingState) -> None:
        if self.team.leads:
            save_checkpoint(self.checkpoints, state.images, state.tensors(), state.facts())
        self._saved_at = time.monotonic()

    def _snapshot(self, state: TrainingState) -> dict[str, float]:
        """Writes a snapshot and what it is worth; returns the numbers for the log."""
        file = self.folder / "snapshots" / f"network-{state.images:09d}.safetensors"
        unknown = math.nan
        numbers = {"variety": unknown, "kid": unknown, "kid_error": unknown, "overfitting": unknown}
        if self.team.leads:
            save_network(file, state.G_ema, metadata=self._metadata(state))
            numbers["variety"] = self.grids.write(state.G_ema, state.images)
            self.log.show(state.images, self.grids.file(state.images))
            if self.hold_out is not None:
                score = self.hold_out.score(state.G_ema, state.D)
                numbers |= {key: value for key, value in vars(score).items() if value is not None}
        shared = self.team.from_leader(*numbers.values())
        numbers = {key: value for key, value in zip(numbers, shared, strict=True) if math.isfinite(value)}
        entry: dict[str, Any] = {"file": self.run.relative(file), "kimg": state.images / 1000}
        entry |= {key: value for key, value in numbers.items() if key in Snapshot.model_fields}
        state.snapshots.append(entry)
        if self.team.leads and state.best is not None:
            write_json(self.folder / "best.json", state.best)
        self._saved_at = -math.inf  # a checkpoint is due once the log has these numbers
        return numbers

    def _metadata(self, state: TrainingState) -> dict[str, Any]:
        return {
            "gist_version": __version__,
            "kimg": state.images / 1000,
            "class_names": list(self.class_names),
            "notice": "G_ema of a generator of synthetic radiographs; its images are not for diagnosis.",
        }

    def _log(self, state: TrainingState, means: dict[str, float], seconds_per_kimg: float) -> None:
        if not self.team.leads:
            return
        numbers = {
            "seconds": round(state.seconds, 1),
            "sec_per_kimg": round(seconds_per_kimg, 2),
            "augment_p": state.ada.p,
            "micro_batch": float(state.micro_batch),
            **means,
        }
        peak = peak_bytes(self.device.torch_device)
        if peak is not None:
            numbers["peak_memory_gib"] = peak / GIBIBYTE
        varieties = [entry["variety"] for entry in state.snapshots if entry.get("variety") is not None]
        found = {
            "saturation": state.ada.saturated,
            "collapse": warnings.collapse(varieties, state.images / 1000) if "variety" in means else None,
            "overfitting": warnings.overfitting(
                means.get("overfitting"), means, adaptive=state.ada.settings.fixed_p is None
            ),
        }
        new = [sentence for kind, sentence in found.items() if sentence and kind not in self.warned]
        self.warned |= {kind for kind, sentence in found.items() if sentence}
        for sentence in new:
            self.progress.note(f"Warning: {sentence}")
        self.log.write(state.images, numbers, new)

    def _result(self, state: TrainingState, reason: StopReason) -> TrainResult:
        grids = sorted(self.run.relative(file) for file in self.grids.folder.glob("network-*.png"))
        animation = self.grids.write_progress(state.snapshots) if self.team.leads else None
        return TrainResult(
            snapshots=tuple(
                Snapshot.model_validate({k: v for k, v in entry.items() if k in Snapshot.model_fields})
                for entry in state.snapshots
            ),
            kimg=state.images / 1000,
            seconds=state.seconds,
            device=str(self.device.torch_device),
            device_reason=self.device.reason,
            resolution=self.data_set.resolution,
            class_names=self.class_names,
            settings=self.plan.settings(),
            reasons=self.plan.reasons,
            log="train/log.jsonl",
            grid_real=self.run.relative(self.grids.real_file),
            grids=tuple(grids),
            stopped_because=reason,
            best=None if state.best is None else state.best["file"],
            progress_animation=None if animation is None else self.run.relative(animation),
            operations=ops.active_backend(self.device.torch_device),
            precision=self.precision,
        )

    def _write_plan(self) -> None:
        """What is trained where and how, and why, for people and for `gist status` while it runs."""
        plan = {
            "settings": self.plan.settings(),
            "reasons": self.plan.reasons,
            "device": self.device.reason,
            "operations": ops.active_backend(self.device.torch_device),
            "precision": self.precision,
        }
        write_json(self.folder / "plan.json", plan)
