"""Phantoms and settings with which a trial takes two seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from gist.phantoms import write_phantom_data_set

SETTINGS = """
name: tiny
device: cpu
threads: 1
prepare: {source: phantoms, labels: labels.csv, patient_column: patient_id, resolution: 32, test_fraction: 0.4,
  burned_in_text_ocr: "off"}
train: {kimg: 0.016, batch: 4, channel_base: 512, channel_max: 16, z_dim: 32, w_dim: 32, snapshot_kimg: 0.008}
generate: {count: 30}
utility: {steps: 20}
"""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A settings file beside 60 phantoms."""
    place = tmp_path_factory.mktemp("ward share") / "Mustermann knees"
    place.mkdir()
    write_phantom_data_set(place / "phantoms", count=60, size_range=(90, 110))
    (place / "tiny.yaml").write_text(SETTINGS)
    return place / "tiny.yaml"
