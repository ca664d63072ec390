"""A further architecture goes through training, generation and evaluation like the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import gist
from gist.config import build_config
from gist.generators.network_file import load_network
from gist.phantoms import phantom_batch

NAMES = ("healthy", "severe")


def test_dcgan_trains_draws_and_is_evaluated_by_the_same_settings_file(folder: Path) -> None:
    for number, image in enumerate(phantom_batch(range(80), 32)):
        path = folder / "data" / NAMES[number % 2] / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    config = build_config(
        {
            "folder": str(folder / "run"),
            "device": "cpu",
            "threads": 1,
            "prepare": {"source": str(folder / "data"), "resolution": 32, "test_fraction": 0.3},
            "train": {
                "architecture": "dcgan", "kimg": 0.064, "batch": 8, "channel_base": 256, "channel_max": 32,
                "discriminator_channel_max": 32, "z_dim": 16, "w_dim": 16,
            },
            "generate": {"count": 48},
            "evaluate": {"permutations": 20},
        }
    )  # fmt: skip
    result = gist.run(config, stages=["prepare", "train", "generate", "evaluate"])
    assert result.train is not None
    assert result.train.settings["generator_lr"] == 0.0002
    assert result.train.settings["mapping_layers"] == 1
    G, _ = load_network(folder / "run" / result.train.snapshots[-1].file)
    assert G.spec.architecture == "dcgan"
    assert G.c_dim == 2
    assert result.generate is not None
    assert sum(result.generate.class_counts.values()) == 48
    assert min(result.generate.class_counts[name] for name in NAMES) > 15
    assert result.evaluate is not None
    scores = {score.name: score.value for score in result.evaluate.scores if score.group == "overall"}
    value = scores["KID[radiomics]"]
    assert value is not None
    assert np.isfinite(value)
