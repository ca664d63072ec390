"""Options are the same everywhere, are typed as people type them, and are documented from the settings alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from gist.cli.app import app
from gist.config import STAGE_NAMES, build_config, parse_changes
from gist.config.reference import as_markdown, entries
from gist.errors import InputError
from gist.machine.processes import shares_of_groups, usable_processors, usual_threads

GUIDE = Path(__file__).parents[1] / "docs" / "guide"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("prepare.classes=healthy,severe", ("healthy", "severe")),
        ("prepare.classes=healthy", ("healthy",)),
        ("prepare.classes= healthy , severe ", ("healthy", "severe")),
        ("prepare.classes=[healthy, severe]", ("healthy", "severe")),
        ("prepare.classes='knee, left',\"hip, right\",01", ("knee, left", "hip, right", "01")),
        ("prepare.classes=L'Aquila,O'Neil", ("L'Aquila", "O'Neil")),
        ("prepare.classes=Grade #2,KL: 4,null", ("Grade #2", "KL: 4", "null")),
        ("prepare.percentiles=1,99.5", (1.0, 99.5)),
        ("prepare.parts=spare=none,fold1=test", {"spare": "none", "fold1": "test"}),
        ("generate.per_class=4=50", {"4": 50}),
        ("generate.per_class=04=50, 3=20", {"04": 50, "3": 20}),
        ("generate.per_class='a, b'=5,x=y=6", {"a, b": 5, "x=y": 6}),
        ("generate.per_class={4: 50}", {"4": 50}),
        ("utility.classifiers=[]", ()),
    ],
)
def test_lists_and_pairs_are_taken_as_people_type_them(typed: str, meant: object) -> None:
    section, name = typed.partition("=")[0].split(".")
    assert getattr(getattr(build_config({}, parse_changes([typed])), section), name) == meant


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("generate.per_class=4", "is no list of NAME=VALUE, such as healthy=50,severe=20."),
        ("generate.per_class=4=50,4=20", "gives '4' twice"),
        ("generate.per_class=4=many", "'generate.per_class' should be a whole number (it is 'many')."),
        ("generate.per_class=[4]", "should be names with values, such as {a: 1, b: 2}."),
        ("prepare.classes={a: 1}", "should be a list, such as [a, b]."),
        ("prepare.percentiles=1", "needs one more value"),
        ("prepare.percentiles=1,2,3", "has a value too many"),
        ("train.kimg=ten", "should be 'auto' or should be a number (it is 'ten')."),
        ("train.zebra=1", "is not a setting; choose from architecture, conditional, "),
        ("zebra=1", "is not a setting; choose from name, folder, "),
        ("threads=many", "'threads' should be 'auto' or should be a whole number"),
    ],
)
def test_values_of_another_kind_are_refused_in_words_of_no_program(typed: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        build_config({}, parse_changes([typed]))
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["run", "demo", "plan", "inspect", *STAGE_NAMES])
def test_every_command_that_works_on_a_run_takes_any_setting(name: str) -> None:
    arguments = ["x"] * (name != "demo") + ["--run", "x"] * (name == "prepare")
    given = [*arguments, "--set", "seed=3", "--set", "train.kimg=2", "--threads", "2", "--device", "cpu"]
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    context = verbs[name].make_context(name, given)
    assert context.params["assignments"] == ["seed=3", "train.kimg=2"]
    assert (context.params["threads"], context.params["device"]) == ("2", "cpu")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--set", "train.zebra=1"], "'train.zebra' is not a setting"),
        (["--device", "tpu"], "'device' should be 'auto', 'cpu' or 'cuda' (it is 'tpu')"),
        (["--threads", "0"], "'threads' should be 'auto' or should be greater than or equal to 1"),
        (["--classes", "a,b", "--set", "prepare.resolution=33"], "should be 32, 64, 128, 256, 512 or 1024"),
    ],
)
def test_what_a_stage_is_told_by_set_and_by_options_arrives(
    folder: Path, option: list[str], words: str
) -> None:
    called = CliRunner().invoke(app, ["prepare", "nowhere", "--run", str(folder / "run"), *option])
    assert words in str(called.exception)


def test_omp_num_threads_and_a_share_of_the_processors_limit_threads(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1,2")
    assert usual_threads() == 1
    for nothing in ("", "0", "all", "100000"):
        monkeypatch.setenv("OMP_NUM_THREADS", nothing)
        assert usual_threads() == usable_processors()
    (folder / "pod/job").mkdir(parents=True)
    (folder / "pod/cpu.max").write_text("250000 100000\n")
    (folder / "pod/job/cpu.max").write_text("max 100000\n")
    (folder / "own").write_text("1:cpu:/elsewhere\n0::/pod/job\n")
    assert list(shares_of_groups(folder / "own", folder)) == [2]
    (folder / "pod/job/cpu.max").write_text("50000 100000\n")
    assert list(shares_of_groups(folder / "own", folder)) == [1, 2]
    assert list(shares_of_groups(folder / "none", folder)) == []


def test_the_page_of_settings_is_what_the_settings_say() -> None:
    page = (GUIDE / "settings.md").read_text()
    assert page == as_markdown(), "run `gist settings --markdown > docs/guide/settings.md`"


def test_one_setting_a_section_or_all_are_shown() -> None:
    one = CliRunner().invoke(app, ["settings", "generate.per_class"])
    assert one.stdout.startswith("generate.per_class  NAME=NUMBER,…\n    Images per class")
    assert [entry.key for entry in entries("report")][:2] == ["report.title", "report.licence"]
    assert all(entry.meaning and entry.values for entry in entries())
    wrong = CliRunner().invoke(app, ["settings", "kimg"])
    assert str(wrong.exception) == "'kimg' is not a setting; did you mean train.kimg?"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("gist sta", "status"),
        ("gist prepare --perc", "--percentiles"),
        ("gist settings train.kim", "train.kimg"),
    ],
)
def test_a_shell_completes_commands_options_and_settings(shell: str, typed: str, offered: str) -> None:
    asked: dict[str, Any] = {
        "_GIST_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
        "_TYPER_COMPLETE_ARGS": typed,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": typed.split()[-1],
    }
    code = "import sys; sys.argv[0] = 'gist'; from gist.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | asked, capture_output=True, text=True, timeout=120
    )
    assert offered in done.stdout, done.stderr
