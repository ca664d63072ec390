"""Categories of the label table stand beside the images, and never what could tell who a patient is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from prepare_call import PrepareCall
from radiograph_files import picture, save_png

from gist.errors import InputError
from gist.images.archive import read_data_set
from gist.intake.subgroups import LEAST_PATIENTS, safe_categories
from gist.runs.folder import RunFolder
from gist.runs.subgroups import read_subgroups

COUNT = 24


def source_with_table(folder: Path, **columns: list[str]) -> Path:
    """Images of as many patients, and what the table says of each."""
    source = folder / "s"
    lines = [",".join(["file", "label", "patient", *columns])]
    for number in range(COUNT):
        save_png(source / f"{number}.png", picture(number))
        cells = (values[number] for values in columns.values())
        lines.append(",".join([f"{number}.png", "ab"[number % 2], f"QX{number:04d}", *cells]))
    (source / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return source


TABLE = {"labels": "t.csv", "patient_column": "patient", "test_fraction": 0.3}


def test_categories_follow_their_images_into_the_records(
    folder: Path, prepare_stage: PrepareCall, run: RunFolder
) -> None:
    sex, site = [*"FM" * 12], ["north"] * 10 + ["south"] * 11 + ["ward of Meier"] * 3
    source = source_with_table(folder, sex=sex, site=site)
    result = prepare_stage(source, **TABLE, subgroup_columns=("sex", "site"))
    records = run.path / "prepare/records.csv"
    found: dict[str, list[str]] = {"sex": [], "site": []}
    for split, archive in (("train", result.train_archive), ("test", result.test_archive)):
        assert archive is not None
        data = read_data_set(run.path / archive)
        groups = read_subgroups(records, data, split)
        # Odd files are of class b and of sex M.
        assert (groups["sex"] == np.where(data.labels == 1, "M", "F")).all()
        for name, values in groups.items():
            found[name] += values.tolist()
    assert sorted(found["site"]) == [""] * 3 + ["north"] * 10 + ["south"] * 11
    assert "Meier" not in records.read_text(encoding="utf-8")
    assert any("count as unknown" in note and "site" in note for note in result.notes)


def test_a_run_without_subgroups_has_the_table_it_had(
    folder: Path, prepare_stage: PrepareCall, run: RunFolder
) -> None:
    prepare_stage(source_with_table(folder, sex=[*"FM" * 12]), **TABLE)
    assert "group:" not in (run.path / "prepare/records.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([str(number) for number in range(COUNT)], "24 different values"),
        (["seen by Dr Q in ward B"] * COUNT, "free text"),
        (["Quux^Zebedee"] * COUNT, "free text, dates or long numbers"),
        (["1999-03-04"] * COUNT, "dates"),
        (["1234567"] * COUNT, "long numbers"),
    ],
)
def test_what_is_no_category_is_refused_and_not_quoted(
    folder: Path, prepare_stage: PrepareCall, run: RunFolder, values: list[str], words: str
) -> None:
    source = source_with_table(folder, group=values)
    with pytest.raises(InputError, match=words) as refused:
        prepare_stage(source, **TABLE, subgroup_columns=("group",))
    assert values[-1] not in str(refused.value)
    assert not (run.path / "prepare/records.csv").exists()


@pytest.mark.parametrize("column", ["patient", "PatientName", "name", "file"])
def test_columns_of_a_person_are_refused(folder: Path, prepare_stage: PrepareCall, column: str) -> None:
    columns = {} if column in ("patient", "file") else {column: ["x"] * COUNT}
    source = source_with_table(folder, **columns)
    with pytest.raises(InputError, match=r"subgroup_columns asks for the column .* no patient may be named"):
        prepare_stage(source, **TABLE, subgroup_columns=(column,))


def test_a_column_that_is_not_there_is_one_sentence(folder: Path, prepare_stage: PrepareCall) -> None:
    with pytest.raises(InputError, match="has no column 'sexx'"):
        prepare_stage(source_with_table(folder, sex=["F"] * COUNT), **TABLE, subgroup_columns=("sexx",))


def test_many_images_of_few_patients_are_a_rare_category_and_spelling_is_one() -> None:
    groups = [("Ward",)] * 40 + [("f",)] * 5 + [("F",)] * 5
    owners = ["one"] * 40 + [f"p{number}" for number in range(10)]
    notes: list[str] = []
    told = safe_categories(("group",), groups, owners, notes)
    assert told == [("",)] * 40 + [("f",)] * 10
    assert f"fewer than {LEAST_PATIENTS} patients" in notes[0]
