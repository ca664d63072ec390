"""Pictures and results that took time are kept when a command asks for others, and are back when asked for again."""

from __future__ import annotations

from pathlib import Path

import pytest

import gist
from gist.phantoms import write_phantom_data_set
from gist.progress import Silent

SHIPPED = Path(gist.__file__).parent / "generators/shipped/phantom-knee-64.safetensors"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept")
    write_phantom_data_set(folder / "data", count=24, seed=0, progress=Silent())
    gist.prepare(folder / "data", folder / "run", resolution=64, labels="labels.csv", burned_in_text="ignore")
    return folder / "run"


def pictures(run: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (run / "generate/images").rglob("*.png")}


def test_other_pictures_put_the_old_ones_and_their_scores_aside(run: Path) -> None:
    gist.run_stage(run, "generate", network=str(SHIPPED), count=6)
    first = pictures(run)
    scores = gist.evaluate(run).scores
    gist.run_stage(run, "generate", per_class={"severe": 4})
    second = pictures(run)
    gist.evaluate(run)
    assert (run / "evaluate/features").is_dir()
    previous = run / "previous"
    assert {file.name: file.read_bytes() for file in (previous / "generate-1/images").rglob("*.png")} == first
    assert (previous / "evaluate-1/scores.json").is_file()
    assert not (previous / "evaluate-1/features").exists(), "features are known by their images and stay"
    gist.run_stage(run, "generate", count=6, per_class=None)
    assert pictures(run) == first
    assert gist.evaluate(run).scores == scores
    assert {file.name for file in previous.iterdir()} == {"generate-2", "evaluate-2"}
    kept = {file.name: file.read_bytes() for file in (previous / "generate-2/images").rglob("*.png")}
    assert kept == second
