"""Several processes on one run folder, one of them killed in its middle, make what one process makes, bit for bit."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gist
from gist.errors import BusyError, InputError
from gist.generators.gan.networks import build_generator
from gist.generators.gan.spec import NetworkSpec
from gist.generators.network_file import save_network
from gist.runs.folder import RunFolder
from gist.runs.shards import parse_shard

SHARD = """
import json, sys
import gist

class Counting:
    stage = ""
    def note(self, text): pass
    def advance(self, done, total, unit, detail=""): print(int(done), flush=True)

folder, stage, shard, settings = sys.argv[1:]
made = gist.run_shard(folder, stage, shard, progress=Counting(), changes=json.loads(settings))
print("whole" if made else "part", flush=True)
"""


@pytest.fixture(autouse=True)
def settings_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))


def shard(run: Path, stage: str, which: str, settings: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SHARD, str(run), stage, which, settings]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def files(run: Path, stage: str) -> dict[str, bytes]:
    found = {path.relative_to(run).as_posix(): path.read_bytes() for path in (run / stage).rglob("*.*")
             if path.suffix in (".zip", ".csv", ".png")}  # fmt: skip
    assert found
    return found


@pytest.fixture
def knees(folder: Path) -> Path:
    """Patients with two pictures each, and a near-copy of every tenth picture that is said to be another patient's."""
    source = folder / "knees"
    for number in range(60):
        rng = np.random.default_rng(number)
        y, x = np.mgrid[:64, :64] / 64
        top, left = rng.uniform(0.3, 0.7, 2)
        blob = np.exp(-((x - left) ** 2 + (y - top) ** 2) * 12) + 0.02 * rng.standard_normal((64, 64))
        pixels = np.rint(np.clip(blob, 0, 1) * 250).astype(np.uint8)
        place = source / ("healthy" if number % 3 else "moderate")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"p{number // 2:03d}-{number}.png")
        if number % 10 == 0:
            Image.fromarray(pixels + np.uint8(2)).save(place / f"q{number:03d}-{number}.png")
    return source


def test_three_processes_prepare_what_one_does_though_one_is_killed(folder: Path, knees: Path) -> None:
    settings = {"source": str(knees), "resolution": 32, "patient_pattern": r"([pq]\d+)-"}
    one, many = folder / "one", folder / "many"
    gist.run_stage(one, "prepare", **settings)
    text = f'{{"prepare.source": "{knees}", "prepare.resolution": 32, "prepare.patient_pattern": "([pq]\\\\d+)-"}}'
    first, second = (shard(many, "prepare", which, text) for which in ("1/3", "2/3"))
    with second:
        assert second.stdout is not None
        while int(second.stdout.readline()) < 5:
            pass
        second.kill()
    assert first.communicate()[0].endswith("part\n")
    assert (many / "shards/prepare-1-of-3").is_dir()
    assert (many / "shards/prepare-2-of-3.open").is_dir()
    begun = [shard(many, "prepare", which, text) for which in ("2/3", "3/3")]  # side by side
    assert "whole\n" in "".join(process.communicate()[0] for process in begun)
    assert files(one, "prepare") == files(many, "prepare")
    assert not (many / "shards").exists()
    rows = list(csv.DictReader((many / "prepare/records.csv").read_text().splitlines()))
    assert any(row["near_copy_of"] for row in rows)
    parts: dict[str, set[str]] = {}
    for row in rows:
        parts.setdefault(row["patient"], set()).add(row["split"])
    assert all(len(split) == 1 for split in parts.values())


def test_shards_of_other_settings_are_made_again(folder: Path, knees: Path) -> None:
    run = folder / "run"
    assert gist.run_shard(run, "prepare", "1/2", source=knees, resolution=32) is None
    assert gist.run_shard(run, "prepare", "2/2", source=knees, resolution=64) is None
    made = gist.run_shard(run, "prepare", "1/2", source=knees, resolution=64)
    assert made is not None
    assert made.resolution == 64  # type: ignore[attr-defined]
    assert gist.run_shard(run, "prepare", "1/2", source=knees, resolution=64) == made, "done already"
    with pytest.raises(InputError, match="Stage train is not done in shards"):
        gist.run_shard(run, "train", "1/2")


def network(folder: Path) -> Path:
    torch.manual_seed(1)
    spec = NetworkSpec("stylegan3-t", 32, classes=3, channel_base=512, channel_max=16, z_dim=32, w_dim=32)
    file = folder / "net.safetensors"
    save_network(file, build_generator(spec).eval(), metadata={"class_names": ["a", "b", "c"], "kimg": 1.0})
    return file


def test_three_processes_draw_what_one_does(folder: Path) -> None:
    one, many = folder / "one", folder / "many"
    settings = {"network": str(network(folder)), "count": 52}
    gist.run_stage(one, "generate", **settings)
    assert gist.run_shard(many, "generate", "3/3", **settings) is None
    assert gist.run_shard(many, "generate", "1/3", **settings) is None
    assert not (many / "generate").exists()
    drawn = sorted(path.name for path in (many / "shards").rglob("*.png"))
    assert len(drawn) == len(set(drawn)) == 52 - 16
    made = gist.run_shard(many, "generate", "2/3", **settings)
    assert made is not None
    assert made.images_per_second is None, "nothing was left to draw"  # type: ignore[attr-defined]
    assert files(one, "generate") == files(many, "generate")


def test_what_is_no_work_for_shards_is_a_sentence(folder: Path) -> None:
    run = folder / "run"
    for text in ("3/2", "0/2", "half", "1/0", "1/99999"):
        with pytest.raises(InputError, match="is no shard; write 3/8"):
            parse_shard(text)
    with pytest.raises(InputError, match="no work for shards; leave --shard out"):
        gist.run_shard(run, "generate", "1/2", network=str(network(folder)), min_novelty=0.01)


def test_two_processes_never_work_on_one_shard(folder: Path, knees: Path) -> None:
    begun = RunFolder(folder / "run/shards/prepare-1-of-2.open")
    with begun.locked(), pytest.raises(BusyError, match=r"working on .*prepare-1-of-2\.open"):
        gist.run_shard(folder / "run", "prepare", "1/2", source=knees, resolution=32)
