"""The train stage: prepared archive in; snapshots, picture grids and a log out; continues after any kill."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gist import __version__
from gist.augment import AdaController, AugmentPipe, strongest
from gist.config import Config
from gist.data_set import DataSet, read_data_set
from gist.device import Device, choose_device
from gist.errors import InputError
from gist.interruption import Stopped, StopRequest, deferred_signals
from gist.networks import Generator, NetworkSpec, build_discriminator, build_generator, ops
from gist.pictures import as_bytes, grid, write_png_atomic
from gist.pretrained import save_network
from gist.progress import Progress
from gist.results import PrepareResult, Snapshot, TrainResult
from gist.run_folder import RunFolder, write_atomic, write_json
from gist.training.checkpoint import load_newest, remove_unfinished, save_checkpoint
from gist.training.images import TrainingImages
from gist.training.loop import Stop, StopReason, Trainer, train_until
from gist.training.plan import Fingerprint, TrainingPlan, generator_widening, plan_training
from gist.training.randomness import random_stream
from gist.training.start import Start, load_start, take_over
from gist.training.state import TrainingState, new_state

_GRID_COLUMNS = 8
_GRID_ROWS = 4
_TICKS = 400
"""Log lines over a whole training."""
_MAGNITUDE_HALF_LIFE_IMAGES = 20_000
SYNTHETIC_MARK = {"Synthetic": "YES", "Software": f"gist {__version__}"}


def train(config: Config, run: RunFolder, progress: Progress) -> TrainResult:
    """Trains a generator on the prepared archive until `train.kimg` or `train.hours` is reached.

    Raises:
        InputError: settings contradict the data, or nothing is prepared.
        StageError: training broke down; the last good checkpoint is kept.
        Stopped: a signal asked to stop; a checkpoint was written.
    """
    device = choose_device(config)
    ops.tune_memory_allocator()
    prepared = _prepared(run)
    data_set = read_data_set(run.path / prepared.train_archive)
    start = None if config.train.start_from is None else load_start(config.train.start_from)
    plan = plan_training(
        config.train,
        Fingerprint(len(data_set), data_set.resolution, data_set.class_names, device.on_gpu),
        None if start is None else start.G.spec,
        start_judges=start is not None and start.D is not None,
    )
    session = _Session(config, run, progress, device, data_set, plan, start)
    with deferred_signals() as request:
        return session.train(request)


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

    def train(self, request: StopRequest) -> TrainResult:
        self.folder = self.run.stage_folder("train")
        self.checkpoints = self.folder / "checkpoints"
        self.log_file = self.folder / "log.jsonl"
        self.images = TrainingImages(self.data_set, conditional=self.plan.conditional, seed=self.config.seed)
        self.class_names = self.data_set.class_names if self.plan.conditional else ()
        self.progress.note(
            f"Training on {self.device.reason}; {ops.active_backend(self.device.torch_device)}."
        )
        ops.prepare(self.device.torch_device, self.progress.note)
        state = self._state()
        self._grid_z, self._grid_c = self._grid_latents(state.G_ema)
        self._write_first_pictures(state)

        pipe = AugmentPipe(self.config.train.augment, allow_mirror=self.config.train.allow_mirror)
        trainer = Trainer(state, self.plan, self.images, pipe, self.config.seed)
        hours = self.config.train.hours
        stop = Stop(round(self.plan.kimg * 1000), None if hours is None else hours * 3600)
        self._saved_at = time.monotonic()
        speed = ""

        def after_step() -> None:
            self.progress.advance(state.images / 1000, stop.images / 1000, "kimg", speed)
            snapshot_images = max(self.plan.batch, round(self.plan.snapshot_kimg * 1000))
            if state.images // snapshot_images > (state.images - self.plan.batch) // snapshot_images:
                self._snapshot(state)
            if time.monotonic() - self._saved_at > self.config.train.checkpoint_minutes * 60:
                self._checkpoint(state)
            if request.received is not None:
                self._checkpoint(state)
                raise Stopped(
                    f"Training stopped at {state.images / 1000:.2f} kimg ({request.received}); "
                    "a checkpoint is written and the same command continues it."
                )

        def on_tick(means: dict[str, float], seconds_per_kimg: float) -> None:
            nonlocal speed
            speed = f"{seconds_per_kimg:.1f} s/kimg"
            self._log(state, means, seconds_per_kimg)

        self.progress.advance(state.images / 1000, stop.images / 1000, "kimg")
        tick_images = max(self.plan.batch, stop.images // _TICKS)
        reason = train_until(trainer, stop, tick_images=tick_images, on_tick=on_tick, after_step=after_step)
        if not state.snapshots or state.snapshots[-1]["kimg"] * 1000 < state.images:
            self._snapshot(state)
        self._checkpoint(state)
        return self._result(state, reason)

    def _state(self) -> TrainingState:
        spec = specification(self.plan, self.data_set.resolution, len(self.data_set.class_names))
        torch.manual_seed(random_stream(self.config.seed, "initial weights", 0).initial_seed())
        frozen = self.config.train.freeze_discriminator_layers
        found = load_newest(self.checkpoints)
        if found is None and self.start is not None:
            G, D = take_over(self.start, spec, frozen, self.folder, self.progress)
        else:
            G, D = build_generator(spec), build_discriminator(spec, freeze_layers=frozen)
        device = self.device.torch_device
        train = self.config.train
        ada = AdaController(
            target=train.augment_target,
            kimg_to_full=min(500.0, max(100.0, self.plan.kimg)),
            p_max=train.augment_p_max,
            fixed_p=0.0 if train.augment == "none" else None,
        )
        state = new_state(G.to(device), D.to(device), self.plan, ada)
        remove_unfinished(self.checkpoints)
        if found is not None:
            tensors, facts = found
            state.restore(tensors)
            state.images, state.seconds = facts["images"], facts["seconds"]
            state.snapshots = facts["snapshots"]
            state.ada.restore(facts["ada"])
            self._drop_log_after(state.images)
            self.progress.note(f"Continuing at {state.images / 1000:.2f} kimg.")
        return state

    def _checkpoint(self, state: TrainingState) -> None:
        facts = {"seconds": state.seconds, "ada": state.ada.state(), "snapshots": state.snapshots}
        save_checkpoint(self.checkpoints, state.images, state.tensors(), facts)
        self._saved_at = time.monotonic()

    def _snapshot(self, state: TrainingState) -> None:
        name = f"network-{state.images:09d}"
        file = self.folder / "snapshots" / f"{name}.safetensors"
        save_network(file, state.G_ema, metadata=self._metadata(state))
        self._write_grid(state.G_ema, self.folder / "grids" / f"{name}.png")
        state.snapshots.append({"file": self.run.relative(file), "kimg": state.images / 1000})
        self._checkpoint(state)

    def _metadata(self, state: TrainingState) -> dict[str, Any]:
        return {
            "gist_version": __version__,
            "kimg": state.images / 1000,
            "class_names": list(self.class_names),
            "notice": "G_ema of a generator of synthetic radiographs; its images are not for diagnosis.",
        }

    def _grid_latents(self, G: Generator) -> tuple[torch.Tensor, torch.Tensor | None]:
        rows = min(6, len(self.class_names)) if self.class_names else _GRID_ROWS
        count = rows * _GRID_COLUMNS
        z = torch.randn(count, G.z_dim, generator=random_stream(self.config.seed, "grid", 0))
        c = self.images.one_hot(torch.arange(rows).repeat_interleave(_GRID_COLUMNS))
        device = self.device.torch_device
        return z.to(device), None if c is None else c.to(device)

    def _write_first_pictures(self, state: TrainingState) -> None:
        real_file = self.folder / "grids" / "real.png"
        if not real_file.exists():
            real = self._real_for_grid()
            sheet = grid(np.stack([as_bytes(self.data_set.image(int(i))) for i in real]), _GRID_COLUMNS)
            write_png_atomic(real_file, sheet)
            augmented = strongest(
                self.images.select(torch.from_numpy(real)),
                self.config.train.augment,
                allow_mirror=self.config.train.allow_mirror,
            )
            write_png_atomic(self.folder / "grids" / "strongest-augmentation.png", _sheet(augmented))
        first = self.folder / "grids" / f"network-{0:09d}.png"
        if state.images == 0 and not first.exists():
            self._write_grid(state.G_ema, first)

    def _real_for_grid(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        random = np.random.default_rng(self.config.seed)
        if not self.class_names:
            return random.permutation(len(self.data_set))[: _GRID_ROWS * _GRID_COLUMNS]
        rows = [random.permutation(self.data_set.of_class(k)) for k in range(min(6, len(self.class_names)))]
        return np.concatenate([np.resize(row, _GRID_COLUMNS) for row in rows])

    def _write_grid(self, G: Generator, file: Path) -> None:
        parts = []
        with torch.no_grad():
            for start in range(0, len(self._grid_z), _GRID_COLUMNS):
                chosen = slice(start, start + _GRID_COLUMNS)
                c = None if self._grid_c is None else self._grid_c[chosen]
                parts.append(G(self._grid_z[chosen], c).cpu())
        write_png_atomic(file, _sheet(torch.cat(parts)), SYNTHETIC_MARK)

    def _log(self, state: TrainingState, means: dict[str, float], seconds_per_kimg: float) -> None:
        line = {
            "kimg": state.images / 1000,
            "seconds": round(state.seconds, 1),
            "sec_per_kimg": round(seconds_per_kimg, 2),
            "augment_p": state.ada.p,
            **{name: float(f"{value:.6g}") for name, value in means.items()},
        }
        with self.log_file.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    def _drop_log_after(self, images: int) -> None:
        """A kill between log line and checkpoint leaves lines of steps that will be done again."""
        if not self.log_file.exists():
            return
        kept = []
        for line in self.log_file.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["kimg"] * 1000 <= images:
                    kept.append(line + "\n")
            except (ValueError, KeyError):
                continue  # a line cut short by the kill
        write_atomic(self.log_file, "".join(kept).encode())

    def _result(self, state: TrainingState, reason: StopReason) -> TrainResult:
        grids = sorted(self.run.relative(file) for file in (self.folder / "grids").glob("network-*.png"))
        result = TrainResult(
            snapshots=tuple(Snapshot(**entry) for entry in state.snapshots),
            kimg=state.images / 1000,
            seconds=state.seconds,
            device=str(self.device.torch_device),
            device_reason=self.device.reason,
            resolution=self.data_set.resolution,
            class_names=self.class_names,
            settings=self.plan.settings(),
            reasons=self.plan.reasons,
            log=self.run.relative(self.log_file),
            grid_real=self.run.relative(self.folder / "grids" / "real.png"),
            grids=tuple(grids),
            stopped_because=reason,
        )
        write_json(self.folder / "plan.json", {"settings": result.settings, "reasons": result.reasons})
        return result


def _prepared(run: RunFolder) -> PrepareResult:
    record = run.record("prepare")
    if record is None or record.result is None:
        raise InputError(f"{run.path} holds no prepared data; run the prepare stage first.")
    return PrepareResult.model_validate(record.result)


def _sheet(images: torch.Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Images [N, 1, R, R] in -1..1 as one uint8 picture."""
    bytes_NHW = (images[:, 0] * 127.5 + 128).clamp(0, 255).to(torch.uint8).numpy()
    return grid(bytes_NHW, _GRID_COLUMNS)
