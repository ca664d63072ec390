"""Run folders of version 0.1 open, continue and report: `fixtures/run-of-version-0.1.zip`, made by that version.

36 phantoms at 32x32 to learn from, stylegan2 with 8 channels for 16 images, 40 synthetic images, all stages done and
every snapshot evaluated.
"""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest
import safetensors.numpy

import gist
from gist.progress import Silent
from gist.runs.folder import RunFolder

FIXTURE = Path(__file__).parent / "fixtures" / "run-of-version-0.1.zip"


class Notes(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def old(folder: Path) -> Path:
    with zipfile.ZipFile(FIXTURE) as archive:
        archive.extractall(folder / "run")
    return folder / "run"


def test_every_stage_reads_done(old: Path) -> None:
    stages = ("prepare", "train", "generate", "evaluate", "utility", "report")
    standing = {entry.stage: (entry.state, entry.why) for entry in gist.status(old)}
    assert [standing[stage] for stage in stages] == [("done", "")] * len(stages)


def test_the_results_are_read_as_they_were(old: Path) -> None:
    result = gist.train(old)
    assert result.kimg == 0.016
    assert [snapshot.kimg for snapshot in result.snapshots] == [0.008, 0.016]
    assert gist.evaluate(old).scores[0].name == "KID[radiomics]"


def test_its_training_goes_on_from_its_checkpoint(old: Path) -> None:
    notes = Notes()
    result = gist.train(old, kimg=0.024, progress=notes)
    assert any(line.startswith("Continuing at 0.02 kimg") for line in notes.lines)
    assert [snapshot.kimg for snapshot in result.snapshots] == [0.008, 0.016, 0.024]
    facts = json.loads(max((old / "train/checkpoints").glob("*/facts.json")).read_text())
    assert facts["images"] == 24
    first = safetensors.numpy.load_file(old / "train/snapshots/network-000000016.safetensors")
    last = safetensors.numpy.load_file(old / "train/snapshots/network-000000024.safetensors")
    assert first.keys() == last.keys()
    assert any((first[name] != last[name]).any() for name in first)


def test_its_network_draws_the_pictures_that_it_drew(old: Path) -> None:
    before = {file.name: file.read_bytes() for file in (old / "generate/images").iterdir()}
    run = RunFolder(old)
    record = run.record("generate")
    assert record is not None
    for file in (old / "generate/images").iterdir():
        file.unlink()
    gist.generate(old, first_seed=1, watermark=False)  # which that version did not know
    gist.generate(old, first_seed=0)
    after = {file.name: file.read_bytes() for file in (old / "generate/images").iterdir()}
    assert after.keys() == before.keys()
    unequal = [name for name, content in before.items() if _pixels(content) != _pixels(after[name])]
    # Processors differ in the last bit, which a rounding to a grey level may show.
    assert len(unequal) <= len(before) // 4


def test_its_report_is_written_anew_with_the_same_facts(old: Path) -> None:
    before = _facts((old / "report/report.html").read_text())
    gist.report(old, samples_per_class=11)
    gist.report(old, samples_per_class=12)
    assert _facts((old / "report/report.html").read_text()) == before


def _facts(page: str) -> list[str]:
    """Values that the page states, in order; times and digests of the report's own making left out."""
    return re.findall(r'<data [^>]*value="([^"]*)"', page)


def _pixels(png: bytes) -> bytes:
    import io

    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        return image.tobytes()
