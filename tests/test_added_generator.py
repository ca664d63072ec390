"""A package adds a kind of generator that is no GAN, no file of gist is touched, and it is as good as any other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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

    words = command("smoothness", "run/train/snapshots/network-000000064.safetensors")
    done = subprocess.run(words, capture_output=True, text=True, cwd=place, env=environment(place))
    assert done.returncode == 2
    assert "A mean-image network has no mapping network" in done.stderr


def test_a_network_file_of_a_kind_that_is_not_installed_names_the_kinds_that_are(place: Path) -> None:

    without = environment(place) | {"PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    words = command("smoothness", "run/train/snapshots/network-000000064.safetensors")
    done = subprocess.run(words, capture_output=True, text=True, cwd=place, env=without)
    assert done.returncode == 2
    assert "architecture 'mean-image' is unknown; choose one of stylegan3-t" in done.stderr


def test_a_setting_of_another_kind_of_generator_is_refused_and_not_ignored(place: Path) -> None:

    words = command("plan", "phantoms", "--set", "train.architecture=mean-image", "--set", "train.gamma=3")
    done = subprocess.run(words, capture_output=True, text=True, cwd=place, env=environment(place))
    assert done.returncode == 2
    assert "train.gamma is 3.0, but a Mean image generator has no such setting" in " ".join(
        done.stderr.split()
    )


def test_one_name_with_two_meanings_is_refused(place: Path) -> None:

    package = place / "another package"
    (package / "another-1.dist-info").mkdir(parents=True)
    (package / "another-1.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: another\nVersion: 1\n"
    )
    (package / "another-1.dist-info/entry_points.txt").write_text("[gist.generators]\nzz = another:FAMILY\n")
    (package / "another.py").write_text(
        "from mean_image_family import MeanImageFamily, Section\n"
        "class Settings(Section):\n    noise: str = 'white'\n"
        "class Family(MeanImageFamily):\n    name = 'noisy'\n    settings = Settings\n"
        "FAMILY = Family()\n"
    )
    known = environment(place)
    both = known | {"PYTHONPATH": os.pathsep.join((str(package), known["PYTHONPATH"]))}
    done = subprocess.run(command("status"), capture_output=True, text=True, cwd=place, env=both)
    assert done.returncode == 2
    assert "train.noise of the kind of generator 'noisy' has another meaning for mean-image" in " ".join(
        done.stderr.split()
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("train.architecture=dcgan",), "architecture is dcgan, but the starting network has mean-image"),
        ((), "A Mean image generator cannot continue from another network"),
        (
            ("train.start_from=null", "train.architecture=mean-image", "train.allow_mirror=true"),
            "no such setting",
        ),
    ],
    ids=["a start of another kind", "a start it does not read", "mirroring it does not do"],
)
def test_what_it_does_not_do_is_refused_and_not_ignored(
    place: Path, changes: tuple[str, ...], words: str
) -> None:
    network = place / "run/train/snapshots/network-000000064.safetensors"
    settings = (f"train.start_from={network}", f"folder={place}/other", "train.noise=null", *changes)
    given = [word for change in ("train.architecture=auto", *settings) for word in ("--set", change)]
    done = subprocess.run(
        command("run", "study.yaml", *given),
        capture_output=True,
        text=True,
        cwd=place,
        env=environment(place),
    )
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert not (place / "other/prepare").exists()
