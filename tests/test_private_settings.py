"""No private setting leaves a trace: a name planted in each of them, a failure provoked in each stage.

Which settings are private follows from their marks; a new one is planted here without being named.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gist.config import Config, build_config, sections
from gist.metrics.weights import CATALOGUE
from gist.phantoms import write_phantom_data_set
from gist.runs.private_paths import without_private_paths
from gist.stages.promise import private

NAME = "Quabbelmeier-Xaver_1961"
PRIVATE = {(section, name) for section, group in sections(Config()).items() for name in private(type(group))}


class Desk:
    """A folder in which a user has a settings file with a patient's name in every private path."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.secret = place / NAME
        self.run = place / "run"
        write_phantom_data_set(self.secret / f"images of {NAME}", count=60, size_range=(90, 110))
        source = self.secret / f"images of {NAME}"
        (source / "labels.csv").rename(self.secret / f"{NAME}.csv")
        held_out = self.secret / f"held out of {NAME}"
        images = [file for file in source.rglob("*") if file.is_file()]
        for file in sorted(images, key=lambda file: file.name)[:24]:
            (held_out / file.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            file.rename(held_out / file.relative_to(source))
        damaged = self.secret / "weights"
        damaged.mkdir()
        for entry in CATALOGUE.values():
            (damaged / entry.file).write_bytes(b"not weights")
        self.planted: dict[tuple[str, str], Path] = dict.fromkeys(PRIVATE, self.secret / "elsewhere")
        self.planted |= {
            ("prepare", "source"): source,
            ("prepare", "labels"): self.secret / f"{NAME}.csv",
            ("prepare", "held_out"): held_out,
            ("evaluate", "weights"): damaged / CATALOGUE["resnet50"].file,
            ("utility", "weights_folder"): damaged,
        }
        tree: dict[str, dict[str, object]] = {
            "prepare": {"patient_column": "patient_id", "resolution": 32, "test_fraction": 0.4},
            "train": {
                "architecture": "dcgan",
                "kimg": 0.016,
                "batch": 4,
                "channel_base": 256,
                "channel_max": 8,
            },
            "generate": {"count": 40},
            "evaluate": {"extractor": "resnet50", "permutations": 10},
            "utility": {"classifiers": ["resnet101"], "steps": 2, "seeds": 1},
        }
        for (section, name), path in self.planted.items():
            if section == "generate":
                continue  # instead of a network: planted by the test below
            tree.setdefault(section, {})[name] = str(path)
        settings = {"device": "cpu", "threads": 1, "folder": str(self.run), **tree}
        (place / "study.yaml").write_text(yaml.safe_dump(settings))

    def gist(self, *words: str) -> tuple[int, str]:
        """Exit code and all that was printed; the name is in none of it, nor in any byte of the run folder."""
        done = subprocess.run(
            [sys.executable, "-m", "gist", *words],
            capture_output=True,
            text=True,
            cwd=self.place,
            env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "400"},
            timeout=300,
        )
        printed = done.stdout + done.stderr
        assert NAME not in printed
        for what, content in self._written():
            assert NAME.encode() not in content, what
        return done.returncode, printed

    def _written(self) -> Iterator[tuple[str, bytes]]:
        for file in self.run.rglob("*"):
            if file.is_file():
                assert NAME not in str(file.relative_to(self.run))
                yield file.name, file.read_bytes()
                if zipfile.is_zipfile(file):
                    with zipfile.ZipFile(file) as archive:
                        yield from ((name, archive.read(name)) for name in archive.namelist())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    code, printed = desk.gist("run", "study.yaml", "--stages", "prepare,train,generate")
    assert code == 0, printed
    return desk


@pytest.fixture
def desk(finished: Desk) -> Iterator[Desk]:
    """The desk with a copy of its run, which the test may damage."""
    kept = finished.place / "kept"
    shutil.copytree(finished.run, kept)
    yield finished
    shutil.rmtree(finished.run)
    kept.rename(finished.run)


def test_the_marks_are_on_the_paths_that_may_name_somebody() -> None:
    assert {
        ("prepare", "source"),
        ("prepare", "labels"),
        ("prepare", "held_out"),
        ("generate", "source"),
        ("generate", "labels"),
        ("evaluate", "weights"),
        ("utility", "weights_folder"),
    } <= PRIVATE


def test_the_stored_settings_hold_none_of_them(finished: Desk) -> None:
    stored = yaml.safe_load((finished.run / "config.yaml").read_text())
    assert all(stored[section][name] is None for section, name in PRIVATE)


def test_prepare_fails_on_unreadable_images(desk: Desk) -> None:
    source = desk.planted["prepare", "source"]
    kept = {file: file.read_bytes() for file in source.rglob("*") if file.is_file()}
    for file in kept:
        file.write_bytes(b"no image")
    try:
        code, printed = desk.gist("run", "study.yaml", "--stages", "prepare")
    finally:
        for file, content in kept.items():
            file.write_bytes(content)
    assert code == 2
    assert "the source folder" in printed


def test_prepare_refuses_a_label_table_that_lacks_its_column(desk: Desk) -> None:
    code, printed = desk.gist(
        "run", "study.yaml", "--stages", "prepare", "--set", "prepare.patient_column=ward"
    )
    assert code == 2
    assert "ward" in printed


def test_train_fails_on_a_damaged_archive(desk: Desk) -> None:
    (desk.run / "prepare/train.zip").write_bytes(b"damaged")
    code, printed = desk.gist("run", "study.yaml", "--stages", "train", "--set", "train.gamma=1")
    assert code == 2
    assert "not a readable data set archive" in printed


def test_generate_fails_without_its_network(desk: Desk) -> None:
    for file in (desk.run / "train/snapshots").iterdir():
        file.write_bytes(b"damaged")
    code, printed = desk.gist("run", "study.yaml", "--stages", "generate", "--set", "generate.first_seed=9")
    assert code == 2
    assert "not a readable network file" in printed


def test_a_set_made_elsewhere_is_brought_in_or_missing(desk: Desk) -> None:
    chosen = ("run", "study.yaml", "--stages", "generate", "--set", f"generate.source={desk.secret}/nowhere")
    code, printed = desk.gist(*chosen)
    assert code == 2
    assert "nowhere; generate.source names" in printed
    made, table = desk.planted["prepare", "held_out"], desk.planted["prepare", "labels"]
    given = ("--set", f"generate.source={made}", "--set", f"generate.labels={table}")
    code, printed = desk.gist("run", "study.yaml", "--stages", "generate", *given)
    assert code == 0, printed
    assert yaml.safe_load((desk.run / "config.yaml").read_text())["generate"]["source"] is None


def test_evaluate_fails_on_damaged_weights(desk: Desk) -> None:
    code, printed = desk.gist("run", "study.yaml", "--stages", "evaluate")
    assert code == 2
    assert "weights" in printed


def test_utility_fails_on_damaged_weights_and_status_shows_it(desk: Desk) -> None:
    code, printed = desk.gist("run", "study.yaml", "--stages", "utility")
    assert code == 2
    assert "the weights folder" in printed
    code, shown = desk.gist("status", "run")
    assert "the weights folder" in shown
    assert "failed" in shown


def test_report_fails_on_a_damaged_archive(desk: Desk) -> None:
    (desk.run / "generate/synthetic.zip").write_bytes(b"damaged")
    code, printed = desk.gist("run", "study.yaml", "--stages", "report")
    assert code == 2
    assert "not a readable data set archive" in printed


def test_a_path_that_does_not_exist_shows_its_last_part_only(desk: Desk) -> None:
    gone = desk.secret / "labels of knees.csv"
    code, printed = desk.gist("run", "study.yaml", "--stages", "prepare", "--set", f"prepare.labels={gone}")
    assert code == 2
    assert "There is no label table …/labels of knees.csv" in printed


def test_the_report_of_a_whole_run_holds_none_of_them(finished: Desk) -> None:
    words = ("run", "study.yaml", "--stages", "evaluate,report", "--set", "evaluate.extractor=radiomics")
    code, printed = finished.gist(*words, "--set", "evaluate.weights=null")
    assert code == 0, printed


def test_a_run_that_is_called_as_its_source_keeps_its_name_in_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "knees").mkdir()
    config = build_config({"prepare": {"source": "knees"}, "folder": "runs/knees"})
    said = without_private_paths(
        f"runs/knees is at work; knees/1.png and {tmp_path}/knees/2.png wait.", config
    )
    assert said == "runs/knees is at work; the source folder/1.png and the source folder/2.png wait."
