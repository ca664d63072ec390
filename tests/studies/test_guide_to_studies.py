"""The commands of the guide to studies, as they stand there, on data and at a length that a test has."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gist.cli.app import app

GUIDE = Path(__file__).parents[2] / "docs/guide/studies.md"
COMMANDS = [line for line in GUIDE.read_text().splitlines() if line.startswith("gist study ")]


def test_every_command_of_the_guide_works_as_far_as_its_first_trial(
    tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(tiny, folder / "mine.yaml")
    (folder / "phantoms").symlink_to(tiny.parent / "phantoms")
    monkeypatch.chdir(folder)
    assert {shlex.split(command)[2] for command in COMMANDS} == {
        "size", "tune", "architectures", "transfer", "trial", "continue",
    }  # fmt: skip
    for command in (each for each in COMMANDS if "study continue" not in each):  # which would do all of it
        here = re.sub(r" --propose| --on slurm.*", "", command)
        words = shlex.split(re.sub(r"--sizes \S+", "--sizes 12,30", here))[1:]
        said = CliRunner().invoke(
            app, words if words[1] == "trial" else [*words, "--set", "name=mine", "--propose"]
        )
        assert said.exit_code == 0, (command, said.output, said.exception)
    page = (folder / "studies/mine-size/study.html").read_text()
    assert "are done yet for a curve" in page
