"""Type checkers and editors know every setting, because the typed keywords are those of the settings themselves."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


def test_the_typed_keywords_are_the_settings() -> None:
    command = [sys.executable, PROJECT / "scripts" / "typed_settings.py"]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    kept = (PROJECT / "src/gist/verbs/typed_settings.py").read_text()
    assert ast.dump(ast.parse(made)) == ast.dump(ast.parse(kept)), f"run {' '.join(map(str, command[1:]))}"


RIGHT = """
import gist
from pathlib import Path
prepared = gist.prepare("data", "runs/a", labels=Path("l.csv"), resolution=64, classes=["healthy", "severe"])
gist.train("runs/a", kimg=20, batch="auto", start_from="phantom-knee-64", hours=None)
made: Path = gist.generate_folder("p", network="phantom-knee-64", per_class={"severe": 4}, progress=None)
names: list[str] = [score.name for score in gist.run("a.yaml").evaluate.scores]
kid: float = gist.evaluate_folders("real", "synthetic", permutations=50).evaluate.scores[0].value or 0.0
near: float = gist.compare_images("a", "b").kid
classes: tuple[str, ...] = gist.open_archive("a.zip").class_names
count: int = gist.train("runs/a", kimg=1.0).resolution
"""
WRONG = {
    'gist.train("runs/a", kimgs=20)': 'Unexpected keyword argument "kimgs"',
    'gist.train("runs/a", hours="two")': 'Argument "hours" .* has incompatible type "str"',
    'gist.prepare("data", "runs/a", resolution=100)': 'Argument "resolution" .* incompatible type',
    'gist.prepare("data", "runs/a", fit="squeeze")': 'Argument "fit" .* incompatible type',
    'gist.evaluate_folders("real", "synthetic", weight="w")': 'Unexpected keyword argument "weight"',
}


def test_a_type_checker_takes_right_calls_and_names_each_wrong_one(folder: Path) -> None:
    lines = [*RIGHT.splitlines(), *WRONG]
    (folder / "caller.py").write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--no-pretty", "caller.py"]
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout
    errors = [line for line in told.splitlines() if ": error:" in line]
    assert len(errors) == len(WRONG), told
    first = len(RIGHT.splitlines()) + 1
    for number, (words, line) in enumerate(zip(WRONG.values(), errors, strict=True), start=first):
        assert re.search(f"^caller.py:{number}: error: .*{words}", line), told


def test_a_stage_that_has_not_run_is_told_by_name(folder: Path) -> None:
    import gist
    from gist.runs.folder import RunFolder
    from gist.runs.results import results

    (folder / "run").mkdir()
    result = results(RunFolder(folder / "run"))
    with pytest.raises(AttributeError, match=r"stage evaluate of .* has not finished"):
        _ = result.evaluate
    assert getattr(result, "train", None) is None
    assert result.finished.get("evaluate") is None
    assert {"evaluate_folders", "generate_folder", "draw"} <= set(dir(gist))
