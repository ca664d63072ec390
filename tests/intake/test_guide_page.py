"""Every command of the page "Preparing your data" does what a reader expects, on phantoms."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gist.cli.app import app
from gist.intake.survey import inspect
from gist.phantoms import write_phantom_data_set
from gist.runs.folder import RunFolder
from gist.stages.prepare import PrepareConfig, PrepareResult

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "preparing-your-data.md"
QUICK = [
    "--set",
    "prepare.resolution=32",
    "--set",
    "train.architecture=stylegan2",
]  # plan times training steps


def commands() -> list[list[str]]:
    blocks = re.findall(r"^```\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def test_the_commands_of_the_page_work_one_after_another(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_phantom_data_set(folder / "my radiographs", count=16, size_range=(180, 190))
    monkeypatch.chdir(folder)
    assert len(commands()) >= 10
    for command in commands():
        program, verb, *arguments = command
        assert program == "gist"
        if verb == "plan":  # the command times training steps too, which is a matter of its own tests
            assert inspect(PrepareConfig(source=Path(*arguments)), "cpu").readable == 16
            continue
        if verb == "locate":
            arguments = [some_file_id(folder) if argument == "ID" else argument for argument in arguments]
        result = CliRunner().invoke(app, [verb, *arguments])
        assert result.exit_code == 0, (command, result.output, result.exception)
        if verb == "locate":
            assert "".join(result.output.split()).endswith(".dcm")
        else:
            prepared = prepared_in(folder / arguments[arguments.index("--run") + 1])
            assert prepared.train_images >= 6, command
            assert prepared.patients is not None, command


def some_file_id(folder: Path) -> str:
    with (folder / "runs" / "mine" / "prepare" / "records.csv").open(encoding="utf-8", newline="") as file:
        return next(csv.DictReader(file))["file"]


def prepared_in(run: Path) -> PrepareResult:
    record = RunFolder(run).record("prepare")
    assert record is not None
    return PrepareResult.model_validate(record.result)


def test_every_setting_that_the_page_names_exists() -> None:
    page = PAGE.read_text(encoding="utf-8")
    named = {option.replace("-", "_") for option in re.findall(r"--([a-z][a-z-]+)", page)} - {"run"}
    assert len(named) > 15
    assert named <= set(PrepareConfig.model_fields)
