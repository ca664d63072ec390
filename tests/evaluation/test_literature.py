from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from known_images import textured
from random_weights import write_inception
from test_snapshots import add_snapshot

from gist.config import Config
from gist.evaluation.literature import literature_scores
from gist.files import sha256_of
from gist.images.archive import read_data_set
from gist.images.png import as_unit
from gist.machine.device import Device
from gist.metrics.extractors import extractor_named
from gist.metrics.frechet import frechet_distance
from gist.metrics.weights import catalogue
from gist.progress import Silent
from gist.runs.folder import RunFolder
from gist.runs.results import result_of
from gist.stages.evaluate import EvaluateConfig
from gist.stages.generate import GenerateResult

MakeRun = Callable[..., RunFolder]
ON_CPU = Device(torch.device("cpu"), "", 1)
CONFIG = Config(threads=1, evaluate=EvaluateConfig(literature=True))


@pytest.fixture
def drawn(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> tuple[RunFolder, GenerateResult]:
    monkeypatch.setenv("GIST_WEIGHTS_DIR", str(folder / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    (folder / "weights").mkdir()
    run = make_run({"": textured(8, 1)}, {"": textured(8, 2)}, {"": textured(8, 3)})
    network = add_snapshot(run, 1, brightness=0.0)
    generated = result_of(run, GenerateResult, "evaluate")
    here = {"network": run.relative(network), "network_sha256": sha256_of(network)}
    return run, generated.model_copy(update=here)


def test_without_weights_the_reader_is_told_what_is_missing(drawn: tuple[RunFolder, GenerateResult]) -> None:
    run, generated = drawn
    notes: list[str] = []
    training = read_data_set(run.path / "prepare/train.zip")
    assert literature_scores(CONFIG, run, Silent(), ON_CPU, training, generated, notes) == []
    assert notes[0].startswith(
        "fid50k_full and kid50k_full could not be computed: the weights of 'inception'"
    )
    assert notes[1].startswith("pr50k3_full could not be computed: the weights of 'vgg16'")
    assert str(run.path.parent) not in " ".join(notes)  # notes are passed on with the report
    gone = generated.model_copy(update={"network_sha256": "0" * 64})
    assert literature_scores(CONFIG, run, Silent(), ON_CPU, training, gone, notes) == []
    assert "is gone, so fid50k_full" in notes[-1]


def test_fid_is_between_new_images_and_all_training_images(
    drawn: tuple[RunFolder, GenerateResult], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch_fidelity", reason="the package torch-fidelity is not installed")
    run, generated = drawn
    entry = catalogue.CATALOGUE["inception"]
    file = write_inception(folder / "weights" / entry.file)
    monkeypatch.setitem(catalogue.CATALOGUE, "inception", replace(entry, sha256=sha256_of(file)))
    training = read_data_set(run.path / "prepare/train.zip")
    notes: list[str] = []
    fid, kid = literature_scores(CONFIG, run, Silent(), ON_CPU, training, generated, notes, images=6)
    assert (fid.name, kid.name) == ("fid6_full", "kid6_full")
    assert (fid.n_real, fid.n_synthetic) == (8, 6)
    assert "n=8+6" in fid.fingerprint
    assert f"weights={sha256_of(file)[:12]}" in fid.fingerprint
    assert [note.split()[0] for note in notes] == ["pr50k3_full"]
    assert fid.verdict == "unknown"
    extractor = extractor_named("inception", 32)
    assert extractor.name == "inception"
    real = extractor.features(np.stack([as_unit(image) for image in training.images()]))
    assert fid.value is not None
    assert fid.value > frechet_distance(real[:4], real[4:]) / 100
