"""The parts of `benchmarks/pictures.py` that decide what is compared with what."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from gist.errors import InputError
from gist.images.archive import ArchiveWriter, DataSet, read_data_set
from gist.images.png import encode_png

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import pictures

    return pictures


def archive(file: Path, count: int) -> DataSet:
    rng = np.random.default_rng(count)
    with ArchiveWriter(file, ("a", "b")) as writer:
        for number in range(count):
            writer.add(encode_png(rng.integers(0, 255, (32, 32), dtype=np.uint8)), number % 2)
    return read_data_set(file)


def recipes(
    pictures: ModuleType, *words: str, before: Path | None = None
) -> list[tuple[str, dict[str, object], Path]]:
    found = pictures._recipes(argparse.Namespace(recipes=list(words), before=before))
    return [(one.name, one.settings, one.source) for one in found]


def test_recipes_are_written_in_the_command_or_in_a_file(pictures: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text("wide: {train.batch: 16}\nplain:\n")
    assert recipes(pictures, "gamma=train.gamma:0.2,train.augment:none", str(tmp_path / "many.yaml")) == [
        ("gamma", {"train.gamma": 0.2, "train.augment": "none"}, pictures.OWN),
        ("wide", {"train.batch": 16}, pictures.OWN),
        ("plain", {}, pictures.OWN),
    ]


def test_another_build_comes_first_with_the_settings_of_the_first_recipe(
    pictures: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "gist").mkdir()
    first, second = recipes(pictures, "today=train.batch:4", before=tmp_path)
    assert first == ("before", {"train.batch": 4}, tmp_path)
    assert second == ("today", {"train.batch": 4}, pictures.OWN)
    with pytest.raises(InputError, match="holds no `gist`"):
        recipes(pictures, "today=", before=tmp_path / "gist")


def test_a_judge_with_too_few_held_out_images_says_so(pictures: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"needs 40 held-out and 60 training images at least, and has 30 and 80"
    ):
        pictures.Judge(archive(tmp_path / "train.zip", 80), archive(tmp_path / "test.zip", 30), None, None)


def test_a_judge_measures_real_images_as_real(pictures: ModuleType, tmp_path: Path) -> None:
    judge = pictures.Judge(archive(tmp_path / "train.zip", 120), archive(tmp_path / "test.zip", 60), None, 50)
    assert judge.per_class == {"a": 25, "b": 25}
    found = judge.of_real()
    assert found["n"] == 50
    assert found["octave 1"] == pytest.approx(1, abs=0.03)
    assert found["odd"] < 0.3
    assert 0.2 < found["gan_train"] < 0.8
    with pytest.raises(InputError, match="asked for"):
        judge.of(read_data_set(tmp_path / "train.zip"), gan_train=False)


def test_results_of_other_settings_are_never_mixed_in(pictures: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    results = pictures.Results(file, "these images")
    results.add("today", 0, 1.0, "settings", {"kid": 3.0})
    again = pictures.Results(file, "these images")
    assert again.has("today", 0, 1.0, "settings")
    assert not again.has("today", 1, 1.0, "settings")
    for settings, judged_by in (("others", "these images"), ("settings", "other images")):
        with pytest.raises(InputError, match="another 'today'"):
            pictures.Results(file, judged_by).has("today", 0, 1.0, settings)
    again.add("today", 1, 1.0, "settings", {"kid": 4.0})
    assert [row["kid"] for row in pictures.Results(file, "these images").rows] == [3.0, 4.0]


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="processor time of others is read from /proc"
)
def test_processor_time_counts_work_and_not_waiting(pictures: ModuleType) -> None:
    work = "import time\nwhile time.process_time() < 0.6: pass\nprint(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", work], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert 0.5 < pictures._processor_seconds(process.pid) < 0.9
        process.kill()


def test_time_counts_from_the_checkpoint_that_training_goes_on_from(
    pictures: ModuleType, tmp_path: Path
) -> None:
    recipe = pictures.Recipe("today", {}, pictures.OWN)
    training = pictures.Training(tmp_path, recipe, 0, tmp_path, argparse.Namespace())
    assert training._spent() == 0
    training._note(5.0)
    assert training._spent() == 0  # no checkpoint: it begins anew
    (tmp_path / "run/train/checkpoints/0000000100").mkdir(parents=True)
    training._note(9.0)
    training._note(30.0)
    assert training._spent() == 9
    (tmp_path / "run/train/checkpoints/0000000200").mkdir()  # written while nobody looked
    assert training._spent() == 30
