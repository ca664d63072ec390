"""`gist import` and transfer from an official file: what is written, told and kept of the pretrained look."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from snapshot_writer import record_of, write_snapshot
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.config import Config, build_config
from gist.errors import InputError
from gist.files import sha256_of
from gist.generators.gan.discriminator_file import load_discriminator
from gist.generators.gan.generator import Generator
from gist.generators.gan.networks import build_discriminator, build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.gan.surgery import LUMA
from gist.generators.learning.randomness import random_stream
from gist.generators.network_file import load_network
from gist.generators.stylegan.official.state import load_official
from gist.images.archive import ArchiveWriter
from gist.images.png import encode_png
from gist.images.sheets import cut
from gist.phantoms import phantom_batch
from gist.progress import Silent
from gist.runs.folder import RunFolder, StageRecord
from gist.stages.prepare import PrepareResult
from gist.training.stage import train

SIZES = {"z_dim": 32, "w_dim": 32, "channel_base": 512, "channel_max": 16}
CHANNELS = {"channel_base": 512, "channel_max": 16}


def write_official(path: Path, *, classes: int = 0, with_discriminator: bool = True) -> Path:
    """A 32x32 RGB StyleGAN2 in the official form, with random weights."""
    torch.manual_seed(0)
    spec = NetworkSpec("stylegan2", 32, channels=3, classes=classes, mapping_layers=2, **SIZES)
    G, D = build_generator(spec), build_discriminator(spec)
    for layer in G.mapping.layers:
        # Untrained mapping layers nearly cancel the latent; stronger ones make pictures that differ.
        layer.weight.data.mul_(3)
    G(
        torch.randn(64, 32),
        torch.eye(classes)[torch.arange(64) % classes] if classes else None,
        update_emas=True,
    )
    sizes = {"c_dim": classes, "img_resolution": 32, "img_channels": 3}
    snapshot = {
        "G_ema": record_of(G, z_dim=32, w_dim=32, mapping_kwargs={"num_layers": 2}, **sizes, **CHANNELS),
        "D": record_of(D, **sizes, **CHANNELS) if with_discriminator else None,
    }
    return write_snapshot(path, snapshot)


def prepared_run(path: Path, **train_settings: object) -> tuple[Config, RunFolder]:
    """Twelve grey phantoms of three classes, ready for training."""
    run = RunFolder(path)
    names = ("healthy", "moderate", "severe")
    archive = run.stage_folder("prepare") / "train.zip"
    with ArchiveWriter(archive, names) as writer:
        for index, image in enumerate(phantom_batch(range(12), 32)):
            writer.add(encode_png(image), index % 3)
    result = PrepareResult(
        resolution=32,
        class_names=names,
        train_archive="prepare/train.zip",
        test_archive=None,
        train_images=12,
        test_images=0,
        class_counts={name: {"train": 4, "test": 0} for name in names},
        patients=6,
        rejected={},
        rejected_table="",
        source_digest="",
        upsampled=0,
        notes=(),
    )
    run.write_record(
        StageRecord(
            stage="prepare",
            state="done",
            settings={},
            continued_settings={},
            inputs={},
            outputs={"prepare/train.zip": sha256_of(archive)},
            result=result.model_dump(mode="json"),
            started="",
        )
    )
    config = build_config(
        {
            "folder": str(path),
            "device": "cpu",
            "threads": 1,
            "train": {"architecture": "stylegan2", "batch": 4, "kimg": 0.004, **train_settings},
        }
    )
    return config, run


def grid_at_the_start(run: RunFolder) -> np.ndarray:
    with Image.open(run.path / "train" / "grids" / f"network-{0:09d}.png") as image:
        return cut(np.asarray(image.convert("L")), 32).astype(np.float64)


def luma_of_the_source(G: Generator, count: int) -> np.ndarray:
    z = torch.randn(count, G.z_dim, generator=random_stream(0, "grid", 0))
    with torch.no_grad():
        images = (G(z) * torch.tensor(LUMA).reshape(1, 3, 1, 1)).sum(dim=1)
    return (images * 127.5 + 128).clamp(0, 255).numpy().astype(np.float64)


def test_the_command_writes_both_networks_and_says_what_they_are(folder: Path) -> None:
    source = write_official(folder / "ffhq.pkl", classes=2)
    done = CliRunner().invoke(app, ["import", str(source)])
    assert done.exit_code == 0, done.output
    assert "stylegan2, 32x32, RGB, 2 classes" in done.output
    assert "licence" in done.output
    G, metadata = load_network(folder / "ffhq.safetensors")
    D, _ = load_discriminator(folder / "ffhq.discriminator.safetensors")
    assert metadata["origin_sha256"] == sha256_of(source)
    assert metadata["class_names"] == ["0", "1"]
    official = load_official(source)
    z, c, x = torch.randn(2, 32), torch.eye(2), torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(G(z, c), official.G_ema(z, c))
        assert official.D is not None
        assert torch.equal(D(x, c), official.D(x, c))


def test_a_chosen_name_is_taken_and_nothing_is_overwritten(folder: Path) -> None:
    source = write_official(folder / "ffhq.pkl", with_discriminator=False)
    imported = gist.import_network(source, folder / "own.safetensors")
    assert imported.file == folder / "own.safetensors"
    assert imported.discriminator_file is None
    assert imported.model.img_channels == 3
    before = imported.file.read_bytes()
    with pytest.raises(InputError, match="already there"):
        gist.import_network(source, folder / "own.safetensors")
    assert imported.file.read_bytes() == before
    with pytest.raises(InputError, match=r"ends in \.safetensors"):
        gist.import_network(source, folder / "own.bin")


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("stylegan3-t-64-uncond-1ch", "stylegan3-t, 64x64, grey, unconditional"),
        ("stylegan3-r-64-cond5-3ch", "stylegan3-r, 64x64, RGB, 5 classes"),
        ("stylegan2-64-cond2-1ch", "stylegan2, 64x64, grey, 2 classes"),
    ],
)
def test_snapshots_of_the_reference_implementation_become_network_files(
    folder: Path, shared_dir: Path, name: str, description: str
) -> None:
    source = shared_dir / "parity" / f"{name}.pkl"
    imported = gist.import_network(source, folder / "network.safetensors")
    assert imported.description == description
    G, _ = load_network(imported.file)
    official = load_official(source).G_ema
    for key, tensor in official.state_dict().items():
        assert torch.equal(G.state_dict()[key], tensor), key


def test_a_file_that_is_refused_leaves_nothing_behind(folder: Path) -> None:
    (folder / "bad.pkl").write_bytes(b"cos\nsystem\n(S'echo executed'\ntR.")
    with pytest.raises(InputError, match="system"):
        gist.import_network(folder / "bad.pkl")
    assert [path.name for path in folder.iterdir()] == ["bad.pkl"]


@pytest.mark.parametrize("imported", [False, True])
def test_the_first_grid_shows_the_pretrained_look_and_the_record_says_what_was_adapted(
    folder: Path, imported: bool
) -> None:
    source = write_official(folder / "ffhq.pkl")
    start = gist.import_network(source).file if imported else source
    config, run = prepared_run(folder / "run", start_from=str(start))
    train(config, run, Silent())
    shown = grid_at_the_start(run)
    expected = luma_of_the_source(load_official(source).G_ema, len(shown))
    assert len(shown) == 24
    for picture, wanted in zip(shown, expected, strict=True):
        assert np.corrcoef(picture.ravel(), wanted.ravel())[0, 1] > 0.99
    # Latents differ in what they draw, so the agreement is with each picture and not with any.
    assert np.corrcoef(shown[0].ravel(), expected[1].ravel())[0, 1] < 0.97
    record = json.loads((run.path / "train" / "start.json").read_text())
    assert "synthesis.blocks.3.conv1.weight" in record["generator"]["copied"]
    assert "synthesis.blocks.3.torgb.weight" in record["generator"]["adapted"]
    assert "mapping.embed.weight" in record["generator"]["new"]
    assert "fromrgb.weight" in record["discriminator"]["adapted"]
