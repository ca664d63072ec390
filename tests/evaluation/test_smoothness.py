"""`gist smoothness` tells equivariance and path length of any network file."""

from __future__ import annotations

from pathlib import Path

import pytest
from known_generators import small_generator
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.errors import InputError
from gist.generators.network_file import save_network


def test_a_stylegan3_file_has_all_measures_and_the_command_prints_them(folder: Path) -> None:
    file = folder / "network.safetensors"
    save_network(file, small_generator("stylegan3-t", side=32), metadata={})
    measured = gist.smoothness(file, samples=2)
    assert [found.movement for found in measured.equivariance] == [
        "translation",
        "fractional translation",
        "rotation",
    ]
    assert measured.path_length.value > 0
    done = CliRunner().invoke(app, ["smoothness", str(file), "--samples", "2"])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == measured.lines()
    assert [line.split(":")[0] for line in measured.lines()] == ["EQ-T", "EQ-T_frac", "EQ-R", "PPL[pyramid]"]


@pytest.mark.parametrize("architecture", ["stylegan2", "dcgan"])
def test_other_architectures_have_a_path_length_only(folder: Path, architecture: str) -> None:
    file = folder / "network.safetensors"
    save_network(file, small_generator(architecture, side=32), metadata={})
    assert [line.split(":")[0] for line in gist.smoothness(file, samples=4).lines()] == ["PPL[pyramid]"]


def test_a_file_that_is_no_network_is_one_sentence(folder: Path) -> None:
    with pytest.raises(InputError, match="no network file"):
        gist.smoothness(folder / "absent.safetensors")
