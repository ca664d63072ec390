"""What a training itself betrays: its discriminator knows members, its snapshots come nearer to what it copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from made_runs import finish, generated, prepared, write_archive

from gist.config import Config
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.network_file import save_network
from gist.images.archive import read_data_set
from gist.images.tensors import tensor_of_unit
from gist.phantoms.radiograph import phantom_batch
from gist.privacy.page import privacy_page
from gist.privacy.replication import PICTURES
from gist.privacy.stage import measure_privacy
from gist.privacy.white_box import told_by_the_judge
from gist.progress import Silent
from gist.runs.checkpoint import save_checkpoint
from gist.runs.findings import read_findings
from gist.runs.folder import RunFolder, StageRecord
from gist.stages.privacy import PrivacyConfig, PrivacyMeasure

SPEC = NetworkSpec("dcgan", 32, channel_base=512, channel_max=16, z_dim=32)
TRAINING, HOLD_OUT = 60, 60


def trained_run(folder: Path, *, steps: int = 0, learned_from: str | None = None) -> RunFolder:
    """A run with two snapshots and a checkpoint, whose discriminator took so many steps to know the members."""
    run, x = RunFolder(folder / "run"), phantom_batch(range(TRAINING + HOLD_OUT + 30), 32)
    training, test, synthetic = np.split(x, [TRAINING, TRAINING + HOLD_OUT])
    for name, images in (
        ("prepare/train", training),
        ("prepare/test", test),
        ("generate/synthetic", synthetic),
    ):
        (run.path / f"{name}.zip").parent.mkdir(parents=True, exist_ok=True)
        write_archive(run.path / f"{name}.zip", {"": images})
    rows = [
        f"00000/img{i:08d}.png,{split},{split}{i},,"
        for split, images in (("train", training), ("test", test))
        for i in range(len(images))
    ]
    (run.path / "prepare/records.csv").write_text(
        "\n".join(["image,split,patient,remarks,text", *rows]) + "\n"
    )
    finish(run, "prepare", prepared({"": training}, {"": test}))
    finish(run, "generate", generated({"": synthetic}))
    record = run.record("prepare")
    assert record is not None
    run.write_record(
        StageRecord(
            stage="train",
            state="done",
            settings={},
            continued_settings={},
            inputs={"prepare": learned_from or record.digest},
            result=None,
            started="2026-01-01T00:00:00+00:00",
        )
    )
    torch.manual_seed(0)
    G, D = build_generator(SPEC), build_discriminator(SPEC)
    known, unknown = (tensor_of_unit(each.astype(np.float32) / np.float32(255)) for each in (training, test))
    optimiser = torch.optim.Adam(D.parameters(), 2e-3)
    for _ in range(steps):
        loss = (
            torch.nn.functional.softplus(-D(known)).mean() + torch.nn.functional.softplus(D(unknown)).mean()
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    for kimg in (1.0, 2.0):
        file = run.path / f"train/snapshots/network-{int(1000 * kimg):09d}.safetensors"
        save_network(file, G, metadata={"class_names": [], "kimg": kimg})
    state = {f"D/{name}": value for name, value in D.state_dict().items()}
    save_checkpoint(run.path / "train/checkpoints", 2000, state, {})
    return run


def told(run: RunFolder) -> list[PrivacyMeasure]:
    sets = (read_data_set(run.path / f"prepare/{name}.zip") for name in ("train", "test"))
    return told_by_the_judge(run, *sets, torch.device("cpu"), 0)


def test_a_discriminator_that_learned_members_by_heart_names_them(folder: Path) -> None:
    (measure,) = told(trained_run(folder, steps=60))
    assert measure.value > 0.9
    assert measure.beside == pytest.approx(0.5, abs=0.2)
    assert "never leave" in measure.meaning


def test_a_discriminator_that_learned_nothing_names_nobody(folder: Path) -> None:
    (measure,) = told(trained_run(folder))
    assert measure.value == pytest.approx(0.5, abs=0.15)


def test_a_training_on_other_images_or_without_a_checkpoint_tells_nothing(folder: Path) -> None:
    assert told(trained_run(folder, learned_from="0" * 64)) == []
    run = trained_run(folder / "second")
    for file in (run.path / "train/checkpoints").rglob("state.safetensors"):
        file.write_bytes(b"cut short")
    assert told(run) == []


def test_the_audit_tells_both_and_shows_them(folder: Path) -> None:
    run = trained_run(folder)
    config = Config(threads=1, privacy=PrivacyConfig(steps=5, repeats=20, shown=0, snapshots=5))
    result = measure_privacy(config, run, Silent())
    assert [each.kimg for each in result.replication] == [1.0, 2.0]
    assert all(each.images == PICTURES and each.beside == HOLD_OUT for each in result.replication)
    # An untrained network draws one picture again and again, which is no evidence of anything.
    assert all(each.low < 0.5 < each.high for each in result.replication)
    finish(run, "privacy", result)
    body = str(privacy_page(read_findings(config, run, "report")).sections[0].body)
    assert "white-box membership inference AUC" in body
    assert body.count('class="replication"') == 2
