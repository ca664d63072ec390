"""Who is held out, and that it stays so."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prepare_call import PrepareCall
from radiograph_files import dicom, dicom_bytes, picture, save_png

from gist.errors import InputError
from gist.images.archive import read_data_set
from gist.intake.deidentify import patient, stable_draw
from gist.intake.split import Member, split_members
from gist.runs.folder import RunFolder
from gist.stages.vocabulary import Reason

SALT = bytes(32)
names = st.text(min_size=1, max_size=8)


def members(patients: list[str], seed: int) -> list[Member]:
    known = [patient(SALT, seed, name) for name in patients]
    return [Member(one.id, one.draw, None, None) for one in known]


@given(st.integers(200, 260), st.lists(names, max_size=60), st.integers(0, 99))
def test_new_patients_move_no_old_one_where_there_are_many(old: int, new: list[str], seed: int) -> None:
    before = members([f"patient {number}" for number in range(old)], seed)
    places = split_members(before, 0.5).places
    assert split_members([*before, *members(new, seed)], 0.5).places[:old] == places


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 7)), min_size=1, max_size=80),
    st.floats(0.05, 0.6),
    st.sampled_from([0.0, 0.2]),
    st.randoms(),
)
def test_training_keeps_every_class_and_patients_stay_whole_whatever_the_order(
    images: list[tuple[int, int]], fraction: float, val_fraction: float, shuffle: random.Random
) -> None:
    group = [Member(str(who), stable_draw(0, str(who)), str(label), None) for who, label in images]
    places = split_members(group, fraction, val_fraction).places
    placed = dict(zip(group, places, strict=True))
    patients = {label: {one.group for one in group if one.class_name == label} for label in "01234567"}
    for label, of_label in patients.items():
        trained = [one for one in group if one.class_name == label and placed[one] == "train"]
        assert bool(trained) == bool(of_label)
        if len(of_label) == 1:
            assert {placed[one] for one in group if one.class_name == label} == {"train"}
    parts = {(one.group, place) for one, place in placed.items()}
    assert len(parts) == len({one.group for one in group})
    mixed = list(group)
    shuffle.shuffle(mixed)
    assert dict(zip(mixed, split_members(mixed, fraction, val_fraction).places, strict=True)) == placed


@pytest.mark.parametrize("seed", range(12))
def test_a_small_set_holds_out_its_fraction_and_some_of_each_class(seed: int) -> None:
    """Classes of very unlike sizes, one patient to an image, as in a collection of odd files."""
    sizes = {"a": 20, "b": 11, "c": 6, "d": 3, "e": 2, "f": 1}
    group = [
        Member(f"{label}{number}", stable_draw(seed, f"{label}{number}"), label, None)
        for label, count in sizes.items()
        for number in range(count)
    ]
    places = split_members(group, 0.2).places
    held = Counter(one.class_name for one, place in zip(group, places, strict=True) if place == "test")
    assert held.total() == 9
    assert [held[label] for label in "def"] == [1, 1, 0]
    assert 3 <= held["a"] <= 4


def test_a_patient_with_many_images_does_not_fill_a_small_hold_out_alone() -> None:
    group = [Member("many", 0.0, "0", None)] * 30 + [
        Member(f"{n}", 0.1 + n / 100, "0", None) for n in range(30)
    ]
    places = split_members(group, 0.2).places
    assert places.count("test") == 12
    assert places[0] == "train"


def test_a_rare_class_of_a_large_set_is_held_out_too_and_loses_no_lone_patient() -> None:
    group = [Member(f"{n}", stable_draw(3, f"{n}"), "common", None) for n in range(400)]
    group += [Member("x", 0.9, "rare", None), Member("y", 0.8, "rare", None), Member("z", 0.01, "lone", None)]
    places = split_members(group, 0.2).places
    assert list(places[-3:]) == ["train", "test", "train"]
    assert [place == "test" for place in places[:400]] == [one.draw < 0.2 for one in group[:400]]


def test_what_is_held_out_is_told_with_the_classes_that_have_none(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    for label, count in (("a", 12), ("b", 5), ("c", 2), ("d", 1)):
        for number in range(count):
            save_png(
                folder / "s" / label / f"{number}.png", picture(ord(label) * 100 + number).astype(np.uint8)
            )
    result = prepare_stage(folder / "s")
    assert result.test_images == 4
    assert "4 of 20 images (20 %) are held out, but no image of 1 of the 4 classes: 'd'." in result.notes


@given(st.lists(names, min_size=2, max_size=40), st.floats(0.01, 0.89), st.integers(0, 99))
def test_no_patient_is_on_both_sides_and_neither_side_is_empty(
    patients: list[str], fraction: float, seed: int
) -> None:
    group = members([*patients, "one more", "and another"], seed)
    places = split_members(group, fraction).places
    train = {member.group for member, place in zip(group, places, strict=True) if place == "train"}
    test = {member.group for member, place in zip(group, places, strict=True) if place == "test"}
    assert not train & test
    assert train
    assert test


def test_each_class_is_thinned_alike_and_another_seed_splits_otherwise() -> None:
    group = [Member(str(n), stable_draw(1, str(n)), str(n % 4), None) for n in range(8000)]
    places = split_members(group, 0.2).places
    for label in "0123":
        held_out = [
            place == "test" for member, place in zip(group, places, strict=True) if member.class_name == label
        ]
        assert np.mean(held_out) == pytest.approx(0.2, abs=0.03)
    other = [Member(str(n), stable_draw(2, str(n)), str(n % 4), None) for n in range(8000)]
    assert split_members(other, 0.2).places != places


def test_the_draw_does_not_depend_on_the_users_salt() -> None:
    assert patient(SALT, 5, "9001695").draw == patient(b"\1" * 32, 5, "9001695").draw
    assert patient(SALT, 5, "9001695").id != patient(b"\1" * 32, 5, "9001695").id


def test_nothing_is_held_out_at_fraction_zero() -> None:
    assert set(split_members(members(list("abcdef"), 0), 0.0).places) == {"train"}


def test_a_given_split_is_honoured_without_letting_a_patient_or_class_cross() -> None:
    group = [
        Member("p1", 0.9, "0", "train"),
        Member("p2", 0.0, "1", "train"),
        Member("p3", 0.9, "0", "test"),
        Member("p1", 0.9, "0", "test"),
        Member("p4", 0.1, "2", "test"),
    ]
    division = split_members(group, 0.2)
    assert division.places == ("train", "train", "test", Reason.PATIENT_IN_TRAINING, Reason.CLASS_NOT_TRAINED)
    assert len(division.notes) == 3


@given(st.lists(names, min_size=4, max_size=40), st.integers(0, 99))
def test_a_val_part_takes_nothing_from_the_test_part(patients: list[str], seed: int) -> None:
    group = members([*patients, "one more", "and another", "and a third"], seed)
    without, with_val = split_members(group, 0.2).places, split_members(group, 0.2, 0.3).places
    assert [place == "test" for place in without] == [place == "test" for place in with_val]
    assert "train" in with_val
    parts = {(member.group, place) for member, place in zip(group, with_val, strict=True)}
    assert len(parts) == len({member.group for member in group})


def test_a_given_val_part_is_kept_apart_or_is_the_hold_out_where_there_is_no_test_part() -> None:
    group = [
        Member("p1", 0.9, None, "train"),
        Member("p2", 0.0, None, "val"),
        Member("p2", 0.0, None, "test"),
        Member("p3", 0.0, None, "test"),
    ]
    assert split_members(group, 0.2).places == ("train", "val", Reason.PATIENT_IN_TRAINING, "test")
    assert split_members(group[:2], 0.2).places == ("train", "test")


def test_train_val_and_test_are_three_archives(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = folder / "s"
    for n in range(30):
        save_png(source / str(n % 2) / f"p{n // 2}_{n}.png", picture(n).astype(np.uint8))
    result = prepare_stage(source, patient_pattern=r"^p(\d+)_", test_fraction=0.3, val_fraction=0.3)
    assert result.val_archive is not None
    assert result.test_archive is not None
    sizes = [
        len(read_data_set(run.path / name))
        for name in (result.train_archive, result.val_archive, result.test_archive)
    ]
    assert sizes == [result.train_images, result.val_images, result.test_images]
    assert min(sizes) > 0
    assert sum(sizes) == 30
    assert sum(sum(counts.values()) for counts in result.class_counts.values()) == 30


def write_table(source: Path, rows: list[tuple[str, str, str, str]]) -> None:
    lines = ["file,label,patient,split"] + [",".join(row) for row in rows]
    (source / "labels.csv").write_text("\n".join(lines))


def test_a_table_with_a_split_and_patients(folder: Path, prepare_stage: PrepareCall) -> None:
    source = folder / "s"
    rows = []
    for n in range(12):
        save_png(source / f"{n}.png", picture(n).astype(np.uint8))
        rows.append((f"{n}.png", str(n % 2), f"patient {n // 2}", ["train", "train", "val"][n // 4]))
    write_table(source, rows)
    columns = {"labels": "labels.csv", "patient_column": "patient", "split_column": "split"}
    result = prepare_stage(source, **columns)
    assert (result.train_images, result.test_images, result.patients) == (8, 4, 6)
    assert result.class_counts == {"0": {"train": 4, "test": 2}, "1": {"train": 4, "test": 2}}
    write_table(source, [(name, label, who, "test") for name, label, who, _ in rows])
    with pytest.raises(InputError, match="No image is left for training"):
        prepare_stage(source, **columns)


def test_folders_train_val_test_are_a_split_and_the_folders_inside_are_the_classes(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    seed = 0
    for part, count in (("Train", 6), ("valid", 2), ("test", 3)):
        for label in ("healthy", "severe"):
            for number in range(count):
                save_png(folder / "data" / part / label / f"{number}.png", picture(seed := seed + 1))
    (folder / "data" / "labels.csv").write_text("file,label\n")
    result = prepare_stage(source=folder / "data", resolution=32)
    assert result.class_names == ("healthy", "severe")
    assert (result.train_images, result.val_images, result.test_images) == (12, 4, 6)
    assert any("ready-made split" in note for note in result.notes)
    assert any("prepare.labels=FILE" in note for note in result.notes)


def test_folders_train_and_test_without_folders_inside_have_no_classes(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    for number in range(8):
        save_png(folder / "data" / ("train" if number < 6 else "test") / f"{number}.png", picture(number))
    result = prepare_stage(source=folder / "data", resolution=32)
    assert (result.class_names, result.train_images, result.test_images) == ((), 6, 2)


def test_patients_in_file_names_stay_together(folder: Path, prepare_stage: PrepareCall) -> None:
    source = folder / "s"
    for n in range(20):
        save_png(source / f"p{n // 2}_{'LR'[n % 2]}.png", picture(n).astype(np.uint8))
    result = prepare_stage(source, patient_pattern=r"^p(\d+)_", test_fraction=0.4)
    assert result.patients == 10
    assert result.train_images % 2 == 0
    assert result.test_images % 2 == 0


def test_patients_in_dicom_tags_stay_together_and_one_id_for_all_is_ignored(
    folder: Path, prepare_stage: PrepareCall
) -> None:
    source = folder / "s"
    source.mkdir()
    for n in range(12):
        dataset = dicom(picture(n, top=4095), PatientID=f"MRN {n // 3}")
        (source / f"{n}.dcm").write_bytes(dicom_bytes(dataset))
    result = prepare_stage(source, test_fraction=0.4)
    assert result.patients == 4
    assert result.test_images % 3 == 0
    for n in range(12):
        dataset = dicom(picture(n, top=4095), PatientID="REMOVED")
        (source / f"{n}.dcm").write_bytes(dicom_bytes(dataset))
    result = prepare_stage(source)
    assert result.patients is None
    assert "All files carry one and the same patient id, so it was ignored." in result.notes
