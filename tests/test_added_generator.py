"""A package adds a kind of generator that is no GAN, no file of gist is touched, and it is as good as any other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import safetensors.numpy
from added_package import SETTINGS, command, environment, gist

from gist.phantoms import write_phantom_data_set


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run with the added generator."""
    place = tmp_path_factory.mktemp("knee study")
    write_phantom_data_set(place / "phantoms", count=60, size_range=(90, 110))
    (place / "study.yaml").write_text(SETTINGS.format(folder=place))
    gist("run", "study.yaml", "--stages", "prepare,train,generate,evaluate,report", cwd=place)
    return place


def newest(run: Path) -> dict[str, bytes]:
    file = max(run.glob("train/checkpoints/*/state.safetensors"))
    return {name: value.tobytes() for name, value in safetensors.numpy.load_file(file).items()}


def test_it_trains_draws_and_is_evaluated(place: Path) -> None:
    run = place / "run"
    assert [file.name for file in sorted((run / "train/snapshots").iterdir())] == [
        "network-000000032.safetensors",
        "network-000000064.safetensors",
    ]
    assert len(list((run / "generate/images").glob("*.png"))) == 40
    scores = json.loads((run / "evaluate/scores.json").read_text())["scores"]
    assert {score["name"] for score in scores} >= {"KID[radiomics]", "precision[radiomics]"}


def test_its_plan_tells_its_own_setting_and_why(place: Path) -> None:
    plan = json.loads((place / "run/train/plan.json").read_text())
    assert plan["settings"]["noise"] == 0.1
    assert plan["reasons"]["noise"] == "given in the settings"
    assert "gamma" not in plan["settings"]


def test_it_continues_and_gives_the_bits_of_a_training_that_never_stopped(place: Path) -> None:
    whole = place / "run"
    parts = place / "parts"
    settings = ("run", "study.yaml", "--set", f"folder={parts}", "--stages", "prepare,train")
    for kimg in (0.024, 0.064):
        gist(*settings, "--set", f"train.kimg={kimg}", cwd=place)
    assert newest(whole) == newest(parts)


def test_the_report_names_it_cites_it_and_draws_its_own_curve(place: Path) -> None:
    page = (place / "run/report/report.html").read_text()
    assert "A Mean image generator learned from them" in page
    assert "Galton F. Composite portraits." in page
    assert "Alias-Free" not in page
    assert 'class="chart-title">Loss<' in page
    card = (place / "run/report/model_card.md").read_text()
    assert "Mean image" in card


def test_plan_measures_it_and_the_python_interface_loads_it(place: Path) -> None:
    import subprocess
    import sys

    shown = gist("plan", "phantoms", "--set", "train.architecture=mean-image", "--json", cwd=place)
    assert json.loads(shown)["training"]["architecture"] == "mean-image"
    code = (
        "import gist, torch\n"
        "G = gist.load_generator('run/train/snapshots/network-000000064.safetensors')\n"
        "print(type(G).__name__, *G(torch.randn(2, *G.latent_shape), torch.eye(3)[:2]).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=place, env=environment(place)
    )
    assert done.stdout.split() == ["MeanImage", "2", "1", "32", "32"], done.stderr


def test_what_it_cannot_do_is_said_in_one_sentence(place: Path) -> None:
    import subprocess

    words = command("smoothness", "run/train/snapshots/network-000000064.safetensors")
    done = subprocess.run(words, capture_output=True, text=True, cwd=place, env=environment(place))
    assert done.returncode == 2
    assert "A mean-image network has no mapping network" in done.stderr


def test_a_network_file_of_a_kind_that_is_not_installed_names_the_kinds_that_are(place: Path) -> None:
    import subprocess

    without = environment(place) | {"PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    words = command("smoothness", "run/train/snapshots/network-000000064.safetensors")
    done = subprocess.run(words, capture_output=True, text=True, cwd=place, env=without)
    assert done.returncode == 2
    assert "architecture 'mean-image' is unknown; choose one of stylegan3-t" in done.stderr
