"""What is typed for a setting of type text or path arrives letter by letter, whatever YAML would make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from typer.testing import CliRunner

import gist
from gist.cli.app import app
from gist.config import (
    STAGE_NAMES,
    Config,
    as_yaml,
    build_config,
    json_schema,
    load_config,
    parse_changes,
    parse_value,
)
from gist.config.texts import read_option, read_yaml
from gist.errors import InputError
from gist.phantoms import write_phantom_data_set

SCHEMA = json_schema()
ODD = [
    "Synthetic knees #2",
    "Follow-up #",
    "labels #2.csv",
    '"Cardiomegaly" in finding_labels',
    "[0]*([0-9]+)_",
    "'single'",
    "CC BY 4.0: free",
    "2024-01-01",
    "01",
    "010",
    "1_000",
    "1:30",
    "0x1f",
    "1e3",
    "true",
    "off",
    "~",
    "{a: 1, a: 2}",
    "*x & y",
    "!!str x",
    "- a",
    "a\tb ",
    " two  spaces ",
    "C:\\Users\\x",
    "%d",
    "Größe @ 膝",
]


def text_settings() -> list[str]:
    """Dotted names of the settings that take free text or a path, by the published schema."""
    found = []
    for section, properties in (
        ("", SCHEMA["properties"]),
        *((name, SCHEMA["$defs"][reference_of(name)]["properties"]) for name in STAGE_NAMES),
    ):
        for name, described in properties.items():
            offered = described.get("anyOf", [described])
            if any(each.get("type") == "string" and not {"enum", "const"} & each.keys() for each in offered):
                found.append(f"{section}.{name}".strip("."))
    return found


def reference_of(section: str) -> str:
    return str(SCHEMA["properties"][section]["$ref"]).rpartition("/")[2]


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("key", text_settings())
def test_every_setting_of_type_text_or_path_takes_what_is_typed(key: str, text: str) -> None:
    assert parse_changes([f"{key}={text}"]) == {key: text}


@given(st.text(min_size=1).filter(lambda text: text != "null"))
def test_any_text_is_taken_as_typed(text: str) -> None:
    changes = parse_changes([f"report.title={text}", f"prepare.where={text}"])
    report = build_config({}, changes).report
    assert report.title == changes["prepare.where"] == text


@given(st.text(min_size=1))
def test_a_text_survives_the_run_folder_s_settings_file(text: str) -> None:
    config = build_config(
        {}, {"report.title": text, "prepare.classes": [text], "generate.per_class": {text: 1}}
    )
    kept = read_yaml(as_yaml(config), Config)
    assert build_config(kept) == config


def test_the_settings_meant_are_among_those_found() -> None:
    assert {"name", "prepare.where", "prepare.labels", "report.title", "train.start_from"} <= {
        *text_settings()
    }


@pytest.mark.parametrize("nothing", ["", "null"])
def test_null_or_nothing_typed_sets_a_text_to_its_default_again(nothing: str) -> None:
    before = {"prepare": {"label_column": "grade"}, "report": {"title": "Knees"}}
    changes = parse_changes([f"prepare.label_column={nothing}", f"report.title={nothing}"])
    config = build_config(before, changes)
    assert (config.prepare.label_column, config.report.title) == ("label", None)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("[01, 2]", ("01", "2")),
        ("[010, 1:30, 2024-01-01, 1e3, 1_000, 0x1f]", ("010", "1:30", "2024-01-01", "1e3", "1_000", "0x1f")),
        ("[no, true, .5, nan, '3', \"4\"]", ("no", "true", ".5", "nan", "3", "4")),
        ("['Grade #2', 'a, b', \"c: d\"]", ("Grade #2", "a, b", "c: d")),
        ("['null', 2024-01-01 10:00:00]", ("null", "2024-01-01 10:00:00")),
    ],
)
def test_classes_in_a_list_are_texts_on_the_command_line_and_in_a_file(
    folder: Path, typed: str, meant: tuple[str, ...]
) -> None:
    assert build_config({}, parse_changes([f"prepare.classes={typed}"])).prepare.classes == meant
    (folder / "study.yaml").write_text(f"prepare: {{classes: {typed}}}\n")
    assert load_config(folder / "study.yaml").prepare.classes == meant


def test_classes_in_a_mapping_are_texts_and_their_numbers_numbers(folder: Path) -> None:
    meant = {"01": 5, "1": 6, "010": 10, "2024-01-01": 7, "true": 8}
    typed = "{01: 5, 1: 6, 010: 010, 2024-01-01: 7, true: 8}"
    assert build_config({}, parse_changes([f"generate.per_class={typed}"])).generate.per_class == meant
    (folder / "study.yaml").write_text(f"generate:\n  per_class: {typed}\n")
    assert load_config(folder / "study.yaml").generate.per_class == meant
    one = build_config(
        {"generate": {"per_class": {"1": 2}}}, parse_changes(["generate.per_class.01=3"])
    ).generate
    assert one.per_class == {"1": 2, "01": 3}


def test_texts_in_a_file_need_no_quotes_to_stay_texts(folder: Path) -> None:
    (folder / "study.yaml").write_text(
        "name: 01\n"
        "prepare: {label_column: 007, file_column: 2024-01-01, patient_column: 1:30, labels: 010}\n"
        "report: {title: 1e3, licence: null}\n"
    )
    config = load_config(folder / "study.yaml")
    assert config.name == "01"
    assert (config.prepare.label_column, config.prepare.file_column) == ("007", "2024-01-01")
    assert (config.prepare.patient_column, config.prepare.labels) == ("1:30", Path("010"))
    assert (config.report.title, config.report.licence) == ("1e3", None)


def test_numbers_are_decimal_and_choices_choices() -> None:
    changes = parse_changes(
        ["seed=010", "train.kimg=1e-1", "prepare.frame=3", "prepare.burned_in_text_ocr=off", "threads=auto"]
    )
    config = build_config({}, changes)
    assert (config.seed, config.train.kimg, config.prepare.frame) == (10, 0.1, 3)
    assert (config.prepare.burned_in_text_ocr, config.threads) == ("off", "auto")
    assert parse_value("name", "01") == "01"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Literal["auto"] | str, "a #2", "a #2"),
        (Literal["auto"] | str, "auto", "auto"),
        (Annotated[str, Field(pattern="^x")] | None, "x: y", "x: y"),
        (Path | tuple[Path, ...], "[a, 01]", ["a", "01"]),
        (Path | tuple[Path, ...], "[a", "[a"),
        (Path | tuple[Path, ...], "a #2", "a #2"),
        (dict[str, Path | None], "{01: 02, b: null}", {"01": "02", "b": None}),
        (dict[str, tuple[str, ...]], "{01: [02, 3]}", {"01": ["02", "3"]}),
        (list[Annotated[str, Field(min_length=1)]], "[01]", ["01"]),
        (tuple[int, str], "[1, 02]", [1, "02"]),
        (int | str, "3", 3),
        (int | str, "3 knees", "3 knees"),
        (Literal["0", "1"], "1", "1"),
        (tuple[Literal["0", "1"], ...], "[1, 0]", ["1", "0"]),
        (float | None, "null", None),
    ],
)
def test_unions_lists_and_mappings_of_other_packages_too(kind: Any, text: str, value: object) -> None:
    assert read_option(text, kind) == value
    if not isinstance(value, str) and value is not None:
        assert read_yaml(text, kind) == value


@pytest.mark.parametrize("typed", ["[a #1, b]", "[a, b", "{a: 1"])
def test_a_list_that_cannot_be_read_is_refused_with_what_to_do(typed: str) -> None:
    with pytest.raises(InputError, match=r"check brackets, and put a text in a list .* in quotes"):
        parse_changes([f"prepare.classes={typed}"])


def test_a_text_for_an_unknown_setting_is_refused_by_its_name() -> None:
    with pytest.raises(InputError, match=r"'report\.titel' is not a setting, did you mean 'title'"):
        build_config({}, parse_changes(["report.titel=Knees [part"]))


def chest_set(folder: Path) -> Path:
    """Twelve drawn pictures and a table as the big chest sets have it, its headings and its name full of signs."""
    write_phantom_data_set(folder / "drawn", count=12, size_range=(90, 110))
    source = folder / "chest"
    source.mkdir()
    lines = ["Image Index,Finding Labels,Follow-up #,Patient ID,"]
    for n, file in enumerate(sorted((folder / "drawn").rglob("*.dcm"))):
        name = f"{n // 3 + 1:08d}_{n % 3:03d}.dcm"
        file.rename(source / name)
        lines.append(f"{name},{('No Finding', 'Cardiomegaly|Effusion')[n % 2]},{n % 3},{n // 3 + 1},")
    (source / "labels #2.csv").write_text("\n".join(lines) + "\n")
    return source


def test_options_with_signs_of_yaml_do_what_they_say(folder: Path) -> None:
    source = chest_set(folder)
    run = folder / "run"
    options = {
        "--run": str(run),
        "--resolution": "32",
        "--labels": "labels #2.csv",
        "--file-column": "Image Index",
        "--label-column": "Follow-up #",
        "--patient-pattern": "[0]*([0-9]+)_",
        "--where": '"Cardiomegaly" in finding_labels or "No" in finding_labels',
        "--classes": "[0, 2]",
        "--burned-in-text-ocr": "off",
    }
    words = [word for option in options.items() for word in option]
    called = CliRunner().invoke(app, ["prepare", str(source), *words], catch_exceptions=False)
    assert called.exit_code == 0, called.output
    kept = load_config(run / "config.yaml")
    assert kept.prepare.label_column == "Follow-up #"
    assert kept.prepare.patient_pattern == "[0]*([0-9]+)_"
    assert tuple(gist.open_archive(run / "prepare/train.zip").class_names) == ("0", "2")


def test_the_python_verbs_take_texts_as_they_are(folder: Path) -> None:
    source = chest_set(folder)
    result = gist.prepare(
        source,
        folder / "run",
        labels="labels #2.csv",
        file_column="Image Index",
        label_column="Finding Labels",
        where='"Cardiomegaly" in finding_labels or "No" in finding_labels',
        resolution=32,
    )
    assert result.class_names == ("Cardiomegaly|Effusion", "No Finding")
