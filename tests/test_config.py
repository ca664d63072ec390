"""Settings: one tree, wrong ones refused in one sentence that names the key."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gist.config import Config, as_yaml, build_config, json_schema, load_config, parse_changes
from gist.errors import InputError
from gist.stages.promise import Section, continued_settings, restarting_settings


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train.kimgs": 3}, ["train.kimgs", "did you mean 'kimg'"]),
        ({"nme": "x"}, ["nme", "did you mean 'name'"]),
        ({"train.kimg": "many"}, ["train.kimg", "auto", "number", "many"]),
        ({"train.kimg": -1}, ["train.kimg", "greater than 0", "-1"]),
        ({"prepare.resolution": 100}, ["prepare.resolution", "64"]),
        ({"train.batch": 8, "train.micro_batch": 3}, ["micro_batch 3", "batch 8"]),
        ({"prepare.source": "x", "prepare.patient_column": "id"}, ["patient_column", "prepare.labels"]),
        ({"prepare.percentiles": [5, 1]}, ["prepare.percentiles", "in order"]),
        ({"prepare.patient_pattern": "("}, ["prepare.patient_pattern", "regular expression"]),
        ({"prepare.patient_pattern": "abc"}, ["prepare.patient_pattern", "one group"]),
        ({"generate.per_class": {"a": -1}}, ["generate.per_class", "greater than or equal to 0"]),
        ({"name": "../up"}, ["name"]),
        ({"seed.x": 1}, ["seed"]),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_the_key(
    changes: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        build_config({}, changes)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_settings_file_takes_its_name_and_paths_from_where_it_lies(folder: Path) -> None:
    (folder / "elbow.yaml").write_text("prepare: {source: images, resolution: 128}\n")
    config = load_config(folder / "elbow.yaml", {"train.kimg": 20})
    assert config.name == "elbow"
    assert config.prepare.source == folder / "images"
    assert config.run_folder == Path("runs/elbow")
    assert config.train.kimg == 20


@pytest.mark.parametrize("text", ["train: [", "- a\n- b\n", "just words"])
def test_a_file_that_is_no_settings_file_is_refused(folder: Path, text: str) -> None:
    (folder / "bad.yaml").write_text(text)
    with pytest.raises(InputError, match=r"bad\.yaml"):
        load_config(folder / "bad.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train: {kimg: 1, kimg: 0.05}", "'kimg' twice, in line 1;"),
        ("seed: 1\ntrain:\n  kimg: 1\n  gamma: 2\n  kimg: 3\n", "'kimg' twice, in lines 3 and 5;"),
        ("train: {kimg: 1}\n\ntrain: {gamma: 1}\n", "'train' twice, in lines 1 and 3;"),
        ("generate: {per_class: {4: 1, '4': 2}}", "'4' twice"),
    ],
)
def test_a_setting_given_twice_is_refused_with_its_lines(folder: Path, text: str, words: str) -> None:
    (folder / "twice.yaml").write_text(text)
    with pytest.raises(InputError, match=rf"twice\.yaml gives {words}"):
        load_config(folder / "twice.yaml")


def test_a_value_on_the_command_line_is_refused_too_and_merged_mappings_may_override(folder: Path) -> None:
    with pytest.raises(InputError, match=r"gives 'a' twice"):
        parse_changes(["generate.per_class={a: 1, a: 2}"])
    merged = "base: &base {kimg: 1}\ntrain: {<<: *base, kimg: 2}\n"
    (folder / "merged.yaml").write_text(merged)
    with pytest.raises(InputError, match="'base' is not a setting"):
        load_config(folder / "merged.yaml")


def test_a_missing_settings_file_says_where_it_was_looked_for(folder: Path) -> None:
    with pytest.raises(InputError, match=r"no settings file at .*nothing\.yaml"):
        load_config(folder / "nothing.yaml")


def test_changes_on_the_command_line_are_read_as_yaml() -> None:
    assert parse_changes(
        ["train.kimg=20", "train.conditional=false", "prepare.classes=['0', '3']", "name=a=b"]
    ) == {
        "train.kimg": 20,
        "train.conditional": False,
        "prepare.classes": ["0", "3"],
        "name": "a=b",
    }
    with pytest.raises(InputError, match="key=value"):
        parse_changes(["train.kimg"])


def test_choices_and_classes_that_look_like_truth_values_or_numbers_are_text(folder: Path) -> None:
    changes = parse_changes(
        ["prepare.burned_in_text_ocr=off", "prepare.classes=[no, 0, 4]", "prepare.crop_borders=true"]
    )
    config = build_config({}, changes)
    assert config.prepare.burned_in_text_ocr == "off"
    assert config.prepare.classes == ("no", "0", "4")
    assert config.prepare.crop_borders is True
    written = folder / "again.yaml"
    written.write_text(as_yaml(config), encoding="utf-8")
    assert load_config(written).prepare == config.prepare


def test_null_sets_the_default_again_but_hides_no_misspelt_setting() -> None:
    before = {"generate": {"truncation_psi": 0.5, "per_class": {"a": 1}}, "train": {"kimg": 3}}
    config = build_config(before, parse_changes(["generate.truncation_psi=null", "train.kimg=null"]))
    assert (config.generate.truncation_psi, config.train.kimg) == (1.0, "auto")
    assert config.generate.per_class == {"a": 1}
    assert build_config(before, {"generate.count": 7}).generate.per_class is None
    with pytest.raises(InputError, match=r"train\.kimgs"):
        build_config(before, {"train.kimgs": None})


def test_private_paths_stay_out_of_the_run_folder_and_kimg_may_change_without_a_restart() -> None:
    config = build_config({"prepare": {"source": "/data/DOE_JOHN", "labels": "DOE.csv"}})
    assert "DOE" not in as_yaml(config)
    assert "source" not in restarting_settings(config.prepare)
    assert "kimg" not in restarting_settings(config.train)
    assert continued_settings(config.train)["kimg"] == "auto"
    assert "gamma" in restarting_settings(config.train)


@given(
    seed=st.integers(0, 2**31 - 1),
    kimg=st.one_of(st.just("auto"), st.floats(0.001, 1e5)),
    psi=st.floats(-2, 2),
)
def test_settings_survive_being_written_and_read(seed: int, kimg: float | str, psi: float) -> None:
    config = build_config({"seed": seed}, {"train.kimg": kimg, "generate.truncation_psi": psi})
    assert Config.model_validate(yaml.safe_load(as_yaml(config))) == config


def test_every_setting_is_documented_once_and_reaches_the_schema() -> None:
    schema = json_schema()
    sections: list[tuple[type[Section], dict[str, object]]] = [(Config, schema["properties"])]
    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            sections.append((field.annotation, schema["$defs"][field.annotation.__name__]["properties"]))
            assert field.annotation.__doc__, name
    for section, properties in sections:
        for name, field in section.model_fields.items():
            is_section = isinstance(field.annotation, type) and issubclass(field.annotation, Section)
            assert is_section or field.description, f"{section.__name__}.{name} has no docstring"
            assert name in properties
