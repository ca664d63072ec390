"""A finished run of phantoms, its images marked and its audit passed, made without training or auditing."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from made_runs import write_archive
from safetensors.numpy import load_file, save_file

from gist.config import STAGES, Config
from gist.config.reading import as_yaml, load_config
from gist.files import sha256_of
from gist.generation.marks import Marks, table_of_fingerprints
from gist.generators.start import shipped_file
from gist.images.archive import ArchiveWriter
from gist.phantoms.radiograph import phantom_batch
from gist.privacy.audit import SHARES
from gist.privacy.planted import KINDS
from gist.privacy.views import VIEWS
from gist.runs.folder import RunFolder, StageRecord
from gist.runs.standing import stage_inputs, stage_settings
from gist.stages.evaluate import EvaluateResult, Score
from gist.stages.generate import GenerateResult
from gist.stages.networks import SHIPPED
from gist.stages.prepare import PrepareResult
from gist.stages.privacy import TOGETHER, VERDICT_FALSE_ALARMS, PlantedPower, PrivacyResult
from gist.stages.promise import Result, StageName, continued_settings

PHANTOMS = phantom_batch(range(60), 64)
REAL, HELD_OUT, SYNTHETIC = PHANTOMS[:30], PHANTOMS[30:45], PHANTOMS[45:]


def made_run(folder: Path, *, copied: int = 0, **changes: object) -> RunFolder:
    """A run of 30 training, 15 held-out and 15 synthetic phantoms; the first `copied` of these are training images.

    `changes` are of the audit's result.
    """
    run = RunFolder(folder / "run")
    run.path.mkdir(parents=True)
    run.config_file.write_text(as_yaml(Config(name="knee", folder=run.path)))
    config = load_config(run.config_file, {"folder": str(run.path)})
    _prepare(run, config)
    _generate(run, config, _train(run), copied)
    score = Score(name="KID[radiomics]", group="overall", value=0.01, low=0.0, high=0.02, n_real=15, n_synthetic=15,
                  fingerprint="radiomics", better="lower", meaning="Near.", verdict="good")  # fmt: skip
    scores = (score, score.model_copy(update={"group": "a"}))
    evaluated = EvaluateResult(
        scores=scores, neighbours=(), scores_file="evaluate/scores.json", notes=(), seconds=1
    )
    finish(run, config, "evaluate", evaluated)
    audited = PrivacyResult(
        verdict="none found",
        meaning="Nothing was nearer than chance has it.",
        training_images=30,
        hold_out_images=15,
        synthetic_images=15,
        by_patient=True,
        identical=0,
        identical_hold_out=0,
        power=tuple(
            PlantedPower(
                kind=kind,
                share=share,
                copies=1,
                view=view,
                false_alarms=VERDICT_FALSE_ALARMS,
                power=0.95,
                low=0.9,
                high=0.98,
            )
            for kind in KINDS
            for share in SHARES
            for view in (TOGETHER, *VIEWS)
        ),
    )
    finish(run, config, "privacy", audited.model_copy(update=changes))
    return run


def _prepare(run: RunFolder, config: Config) -> None:
    (run.path / "prepare").mkdir()
    rows = ["image,split,file,patient,remarks,text"]
    for part, images in (("train", REAL), ("test", HELD_OUT)):
        names = write_archive(run.path / f"prepare/{part}.zip", {"a": images[::2], "b": images[1::2]})
        rows += [
            f"{name},{part},{_id(f'{part} {name}')},{_id(f'{part} {i}')},," for i, name in enumerate(names)
        ]
    (run.path / "prepare/records.csv").write_text("\n".join(rows) + "\n")
    result = PrepareResult(
        resolution=64,
        class_names=("a", "b"),
        train_archive="prepare/train.zip",
        test_archive="prepare/test.zip",
        train_images=30,
        test_images=15,
        class_counts={"a": {"train": 15, "test": 8}, "b": {"train": 15, "test": 7}},
        patients=45,
        rejected={"is damaged or cut short": 2},
        rejected_table="prepare/rejected.csv",
        source_digest="0" * 64,
        upsampled=0,
        notes=(),
    )
    finish(run, config, "prepare", result)


def _id(text: str) -> str:
    """As salted ids of files and patients look."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _train(run: RunFolder) -> Path:
    """A snapshot, and a checkpoint with discriminator and the same moving average."""
    released = shipped_file(SHIPPED[0])
    network = run.path / "train/snapshots/network-000000001.safetensors"
    state = run.path / "train/checkpoints/0000000001/state.safetensors"
    for file in (network, state):
        file.parent.mkdir(parents=True)
    shutil.copyfile(released, network)
    discriminator = released.with_name(f"{released.stem}.discriminator.safetensors")
    parts = {"G_ema": load_file(released), "D": load_file(discriminator)}
    save_file({f"{part}/{name}": each for part, all_ in parts.items() for name, each in all_.items()}, state)
    return network


def _generate(run: RunFolder, config: Config, network: Path, copied: int) -> None:
    folder = run.path / "generate"
    (folder / "images").mkdir(parents=True)
    sha256 = sha256_of(network)
    marks = Marks(sha256, ("a", "b"), config.generate)
    pictures = [*REAL[:copied], *map(marks.in_pixels, SYNTHETIC[copied:])]
    files, lines = [], ["file,label,seed"]
    with ArchiveWriter(folder / "synthetic.zip", ("a", "b")) as writer:
        for seed, picture in enumerate(pictures):
            files.append(folder / f"images/seed{seed:08d}.png")
            files[-1].write_bytes(marks.file(picture, seed, seed % 2))
            writer.add(files[-1].read_bytes(), seed % 2)
            lines.append(f"images/{files[-1].name},{'ab'[seed % 2]},{seed}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    (folder / "fingerprints.csv").write_bytes(table_of_fingerprints(folder, files))
    result = GenerateResult(
        archive="generate/synthetic.zip",
        images_folder="generate/images",
        labels_table="generate/labels.csv",
        images=15,
        class_counts={"a": 8, "b": 7},
        network="train/snapshots/network-000000001.safetensors",
        network_sha256=sha256,
        truncation_psi=1.0,
        first_seed=0,
        seconds=1.0,
        images_per_second=15.0,
        device="cpu",
        marks=marks.told,
    )
    finish(run, config, "generate", result)


def finish(run: RunFolder, config: Config, stage: StageName, result: Result) -> None:
    """Records a stage as done by these settings, from what the stages before it hold now."""
    promised = STAGES[stage]
    run.write_record(
        StageRecord(
            stage=stage,
            state="done",
            settings=stage_settings(promised, config),
            continued_settings=continued_settings(promised.kept(config)),
            inputs=stage_inputs(promised, config, run),
            outputs=run.outputs(stage),
            counts=run.counts(stage),
            result=result.model_dump(mode="json"),
            started="2026-01-01T00:00:00+00:00",
            finished="2026-01-01T00:01:00+00:00",
        )
    )
