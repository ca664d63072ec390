"""The privacy stage: the run's training, hold-out and synthetic images through the audit."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
import safetensors.torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from gist import ops
from gist.config import Config
from gist.errors import InputError
from gist.files import write_atomic, write_json
from gist.images.archive import DataSet, read_data_set
from gist.machine.device import Device, computing
from gist.machine.interruption import stop_if_asked
from gist.metrics.extractors import extractor_named
from gist.privacy.audit import Looks, Sets, identical, judged, look_at, nearness, of_filter
from gist.privacy.eye import EYE_SIDE, Eye, train_eye
from gist.privacy.measures import measures_of
from gist.privacy.replication import replication_of
from gist.privacy.subgroups import Categories, by_subgroup
from gist.privacy.views import SIDE, VIEWS, Images, Looked, Tick, Viewer, read_small, reduced
from gist.privacy.white_box import told_by_the_judge
from gist.progress import Progress
from gist.runs.folder import RunFolder
from gist.runs.patients import NO_PATIENT, read_patients
from gist.runs.results import result_of
from gist.runs.subgroups import read_subgroups
from gist.runs.text_flags import read_text_flags
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.privacy import ClosePair, PrivacyFilter, PrivacyResult
from gist.stages.promise import kept_settings


def measure_privacy(config: Config, run: RunFolder, progress: Progress) -> PrivacyResult:
    """Audits the run's synthetic images and writes `privacy/privacy.json`.

    What was looked at is kept in `privacy/seen`, so that an interrupted audit goes on and a new set costs its own
    images only.

    Raises:
        InputError: prepare or generate has not finished, or their images differ in size.
        Stopped: a signal asked to stop.
    """
    started = time.monotonic()
    with computing(config) as device:
        ops.tune_memory_allocator()
        result = _audited(config, run, progress, device)
    result = result.model_copy(update={"seconds": time.monotonic() - started})
    write_json(
        run.stage_folder("privacy") / "privacy.json",
        {
            "settings": {"seed": config.seed, **kept_settings(config.privacy)},
            **result.model_dump(mode="json", exclude={"seconds"}),
        },
    )
    return result


@dataclass(frozen=True)
class _Data:
    training: DataSet
    hold_out: DataSet | None
    synthetic: DataSet
    rows: NDArray[np.int64]
    """Of the synthetic images that are looked at."""
    filtered: PrivacyFilter | None


def _audited(config: Config, run: RunFolder, progress: Progress, device: Device) -> PrivacyResult:
    data, sets, notes = _read(config, run)
    by_patient = not any(name.startswith(NO_PATIENT) for name in sets.hold_out_patients)
    if len(sets.hold_out) and not by_patient:
        notes.append(
            "Patients are not known, so hold-out images may be of patients in training, which hides copying."
        )
    if sets.too_few:
        same = int(identical(sets.synthetic, sets.training).sum())
        return PrivacyResult(
            verdict="evidence of copying" if same else "too few images to tell",
            meaning=(
                f"{same:,} synthetic images equal a training image pixel by pixel." if same else sets.too_few
            )
            + of_filter(data.filtered),
            training_images=len(sets.training),
            hold_out_images=len(sets.hold_out),
            synthetic_images=len(sets.synthetic),
            by_patient=by_patient,
            identical=same,
            identical_hold_out=int(identical(sets.hold_out, sets.training).sum()),
            filtered=data.filtered,
            notes=tuple(notes),
        )
    viewer = viewer_of(config, run, progress, device, sets.training, sets.training_patients, notes)
    looks = _looked(config, run, progress, sets, viewer)
    result = judged(sets, looks, config.privacy.repeats, config.seed, data.filtered)
    if result.identical_hold_out:
        notes.append(
            f"{result.identical_hold_out} hold-out images equal training images: the two sets are not apart, "
            "which hides copying."
        )
    for control in result.controls:
        if control.alarms > control.repeats / 20:
            notes.append(
                f"The control “{control.name}” gave {control.alarms} alarms in {control.repeats} repeats: a fault of "
                "the audit on these images, so do not trust its verdict."
            )
    measures = list(measures_of(sets, viewer, config.seed))
    measures += told_by_the_judge(run, data.training, data.hold_out, device.torch_device, config.seed)
    snapshots = replication_of(config, run, progress, device.torch_device, data.training, sets)
    hidden = read_text_flags(run, result_of(run, PrepareResult, "privacy")).training
    return result.model_copy(
        update={
            "by_patient": by_patient,
            "measures": tuple(measures),
            "replication": snapshots,
            "subgroups": by_subgroup(sets, looks, viewer, *_categories(config, run, data), config.seed),
            "pairs": _pairs(data, looks, hidden, config.privacy.shown),
            "notes": tuple(notes),
        }
    )


def _read(config: Config, run: RunFolder) -> tuple[_Data, Sets, list[str]]:
    prepared, generated = (result_of(run, kind, "privacy") for kind in (PrepareResult, GenerateResult))
    assert isinstance(prepared, PrepareResult)
    assert isinstance(generated, GenerateResult)
    training, synthetic = (
        read_data_set(run.path / prepared.train_archive),
        read_data_set(run.path / generated.archive),
    )
    if synthetic.resolution != training.resolution:
        raise InputError(
            f"The synthetic images are {synthetic.resolution}x{synthetic.resolution} and the training images "
            f"{training.resolution}x{training.resolution}; redo the stages with one prepare.resolution."
        )
    notes = list[str]()
    rows = _chosen(config, synthetic, "synthetic", notes)
    real = read_real(config, run, prepared, notes)
    sets = Sets(synthetic=read_small(synthetic, rows), **vars(real))
    if training.resolution > SIDE:
        notes.append(
            f"Images were looked at in {SIDE} pixels; copies of finer detail alone were not searched for."
        )
    filtered = None
    if generated.min_novelty is not None:
        filtered = PrivacyFilter(level=generated.min_novelty, dropped=generated.near_copies)
    hold_out = None if prepared.test_archive is None else read_data_set(run.path / prepared.test_archive)
    return _Data(training, hold_out, synthetic, rows, filtered), sets, notes


def _categories(config: Config, run: RunFolder, data: _Data) -> tuple[Categories, Categories]:
    """Those of the training images and of the hold-out images that are looked at."""
    records, training = run.path / "prepare" / "records.csv", data.training
    if data.hold_out is None:
        return {}, {}
    rows = _chosen(config, data.hold_out, "hold-out", [])
    hold_out = read_subgroups(records, data.hold_out, "test")
    return read_subgroups(records, training, "train"), {name: each[rows] for name, each in hold_out.items()}


@dataclass(frozen=True)
class Real:
    """Training and hold-out images [., H, W] of a run, in 0-1 and at most 64 pixels, and whose they are."""

    training: Images
    hold_out: Images
    training_patients: NDArray[np.str_]
    hold_out_patients: NDArray[np.str_]


def read_real(config: Config, run: RunFolder, prepared: PrepareResult, notes: list[str]) -> Real:
    """All training images and those of the hold-out that `privacy.max_images` lets in."""
    records, training = run.path / "prepare" / "records.csv", read_data_set(run.path / prepared.train_archive)
    hold_out, hold_out_patients = np.zeros((0, 1, 1), np.float32), np.zeros(0, "<U1")
    if prepared.test_archive is not None:
        test = read_data_set(run.path / prepared.test_archive)
        chosen = _chosen(config, test, "hold-out", notes)
        hold_out = read_small(test, chosen)
        hold_out_patients = np.array(read_patients(records, test, "test"))[chosen]
    patients = np.array(read_patients(records, training, "train"))
    return Real(read_small(training), hold_out, patients, hold_out_patients)


def _chosen(config: Config, data: DataSet, what: str, notes: list[str]) -> NDArray[np.int64]:
    most = config.privacy.max_images
    if len(data) > most:
        notes.append(f"{most:,} of {len(data):,} {what} images were drawn by seed (privacy.max_images).")
    random = np.random.default_rng([config.seed, sum(what.encode())])
    return np.sort(random.permutation(len(data))[:most]).astype(np.int64)


def viewer_of(
    config: Config,
    run: RunFolder,
    progress: Progress,
    device: Device,
    training_NHW: NDArray[np.float32],
    patients_N: NDArray[np.str_],
    notes: list[str],
) -> Viewer:
    """The training images in every view, with a network of the audit's own that is learned once and kept."""
    settings = config.evaluate
    extractor = extractor_named(
        settings.extractor,
        training_NHW.shape[1],
        weights=settings.weights,
        device=device.torch_device,
        note=notes.append,
    )
    asked = config.privacy.steps
    steps = min(max(len(training_NHW) // 6, 20), 400) if asked == "auto" else asked
    small = np.stack([reduced(x, EYE_SIDE) for x in training_NHW])
    key = _digest(small, f"eye/1 steps={steps} seed={config.seed} {hash_of(patients_N)}")
    file = run.stage_folder("privacy") / "seen" / f"{key}.safetensors"
    eye, done = Eye().to(device.torch_device), 0

    def tick(finished: int) -> None:
        nonlocal done
        done += finished
        progress.advance(done, steps, "steps", "the audit’s own network")
        stop_if_asked(run.stop_file)

    try:
        eye.load_state_dict(safetensors.torch.load_file(file))
    except (OSError, SafetensorError, RuntimeError):  # absent, damaged or of another shape: learn it again
        eye = train_eye(small, patients_N, steps, config.seed, device.torch_device, tick)
        write_atomic(file, safetensors.torch.save(eye.state_dict()))
    return Viewer(training_NHW, eye.eval().requires_grad_(False), extractor)


def _looked(config: Config, run: RunFolder, progress: Progress, sets: Sets, viewer: Viewer) -> Looks:
    total, done = sets.images_to_look_at, 0
    seen = seen_of(config, run, viewer, sets.training)

    def tick(images: int) -> None:
        nonlocal done
        done += images
        progress.advance(done, max(total, done), "images")
        stop_if_asked(run.stop_file)

    def kept(name: str, look: Callable[[], Looked]) -> Looked:
        shown = {"hold-out": sets.hold_out, "synthetic": sets.synthetic}.get(name, sets.training)
        return seen.kept(name, shown, look, tick)

    return look_at(sets, viewer, config.seed, kept, tick)


@dataclass(frozen=True)
class Seen:
    """What a viewer has looked at, kept in files that are known by the content of the images."""

    folder: Path
    base: str

    def kept(self, name: str, x_NHW: Images, look: Callable[[], Looked], tick: Tick) -> Looked:
        """What was looked at before, else what is seen now, which is kept."""
        file = self.folder / f"{_digest(x_NHW, f'{self.base} {name}')}.safetensors"
        found = _read_looked(file)
        if found is None:
            found = look()
            write_atomic(file, safetensors.numpy.save({"ratio": found.ratio, "nearest": found.nearest}))
        else:
            tick(len(found.ratio))
        return found


def seen_of(config: Config, run: RunFolder, viewer: Viewer, training_NHW: Images) -> Seen:
    """What this viewer, by its network and extractor, has looked at in a run."""
    weights = hashlib.sha256(safetensors.torch.save(viewer.eye.state_dict())).hexdigest()
    base = _digest(training_NHW, f"looked/1 {weights} {viewer.extractor.identity} {config.seed}")
    return Seen(run.stage_folder("privacy") / "seen", base)


def _read_looked(file: Path) -> Looked | None:
    try:
        arrays = safetensors.numpy.load_file(file)
        return Looked(arrays["ratio"], arrays["nearest"])
    except (OSError, SafetensorError, KeyError):  # absent or damaged: look again
        return None


def _pairs(data: _Data, looks: Looks, hidden: frozenset[str], count: int) -> tuple[ClosePair, ...]:
    """The closest pairs whose training image shows no text, each training image once."""
    share, view = nearness(looks.synthetic, looks.hold_out)
    rows = np.arange(len(view))
    ratio, nearest = looks.synthetic.ratio[rows, view], looks.synthetic.nearest[rows, view]
    found: dict[str, ClosePair] = {}
    for row in np.lexsort((ratio, share)):
        real = data.training.names[int(nearest[row])]
        if len(found) < count and real not in hidden and real not in found:
            found[real] = ClosePair(
                synthetic=data.synthetic.names[int(data.rows[row])],
                real=real,
                view=VIEWS[view[row]],
                nearness=float(ratio[row]),
                percentile=float(share[row]),
            )
    return tuple(found.values())


def hash_of(names_N: NDArray[np.str_]) -> str:
    """SHA-256 of names in order."""
    return hashlib.sha256("\n".join(names_N).encode()).hexdigest()


def _digest(x_NHW: NDArray[np.float32], also: str) -> str:
    digest = hashlib.sha256(also.encode())
    digest.update(np.ascontiguousarray(x_NHW).tobytes())
    return digest.hexdigest()[:32]
