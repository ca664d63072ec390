"""An exported DICOM object is named after all that it holds: the same is the same object, anything else another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

import gist
from gist.config import as_yaml, build_config
from gist.errors import InputError
from gist.files import write_atomic
from gist.images.png import encode_png
from gist.runs.folder import RunFolder
from gist.stages.vocabulary import Remark
from gist.verbs.export.anatomy import Anatomy, Side
from gist.verbs.export.secondary_capture import SecondaryCaptures

pytest.importorskip("highdicom")
LEVELS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def uids(image: Dataset) -> list[str]:
    return [str(image[level].value) for level in LEVELS]


def exported(run: RunFolder, out: Path, **asked: Any) -> dict[str, Dataset]:
    """Images by file name."""
    gist.export_images(run.path, "dicom", out, **asked)
    return {file.name: dcmread(file) for file in sorted(out.rglob("*.dcm"))}


def repainted(run: RunFolder, seed: int, pixels: NDArray[np.uint8]) -> None:
    write_atomic(run.path / "generate" / "images" / f"seed{seed:08d}.png", encode_png(pixels))


def trained_here(run: RunFolder, remark: str = "", **settings: Any) -> None:
    """As if the run had prepared its images by these settings and trained the network itself."""
    text = as_yaml(build_config({"name": "exported", "prepare": settings}))
    write_atomic(run.config_file, text.encode())
    write_atomic(run.path / "prepare" / "records.csv", f"split,remarks\ntrain,{remark}\n".encode())
    record = run.record("generate")
    assert record is not None
    assert record.result is not None
    network = {"network": "train/snapshots/network-000001.safetensors"}
    run.write_record(record.model_copy(update={"result": record.result | network}))


def relabelled(run: RunFolder, **names: str) -> None:
    table = run.path / "generate" / "labels.csv"
    text = table.read_text()
    for old, new in names.items():
        text = text.replace(old, new)
    table.write_text(text)


def test_other_headers_make_other_objects_of_the_same_subjects(run: RunFolder, folder: Path) -> None:
    plain, knees = exported(run, folder / "plain"), exported(run, folder / "knees", body_part="KNEE")
    for name, image in plain.items():
        assert not set(uids(image)) & set(uids(knees[name]))
        assert image.PatientID == knees[name].PatientID
        assert image.pixel_array.tobytes() == knees[name].pixel_array.tobytes()


def test_other_pixels_make_another_object_of_another_subject(
    run: RunFolder, folder: Path, pictures: list[NDArray[np.uint8]]
) -> None:
    before = exported(run, folder / "before")
    repainted(run, 8, np.flipud(pictures[1]).copy())
    after = exported(run, folder / "after")
    assert [name for name in before if uids(before[name]) != uids(after[name])] == ["seed00000008.dcm"]
    assert [name for name in before if before[name].PatientID != after[name].PatientID] == [
        "seed00000008.dcm"
    ]


def test_the_same_seed_of_two_networks_is_not_one_subject() -> None:
    png = encode_png(np.zeros((32, 32), np.uint8))
    subjects = set()
    for network in ("a" * 64, "b" * 64):
        captures = SecondaryCaptures(network, "2026-01-02T03:04:05+00:00", {"": Anatomy()})
        subjects.add(read(captures.encode(png, "", 7)).PatientID)
    assert len(subjects) == 2


def read(content: bytes) -> Dataset:
    from io import BytesIO

    return dcmread(BytesIO(content))


_SHOWN = st.builds(
    Anatomy, st.sampled_from([None, "KNEE", "CHEST"]), st.sampled_from([None, "left", "right", "both"])
)
_CONTENT = st.tuples(
    st.sampled_from(["a" * 64, "b" * 64]),
    st.sampled_from(["2026-01-02T03:04:05+00:00", "2026-01-02T03:04:06+00:00"]),
    _SHOWN,
    st.integers(0, 1),
    st.sampled_from(["", "normal", "arthrosis"]),
    st.integers(0, 2),
)


@given(_CONTENT, _CONTENT)
def test_two_files_share_a_uid_exactly_if_they_are_the_same(
    one: tuple[Any, ...], other: tuple[Any, ...]
) -> None:
    def file_of(network: str, made: str, shown: Anatomy, grey: int, label: str, seed: int) -> bytes:
        png = encode_png(np.full((16, 16), grey, np.uint8))
        return SecondaryCaptures(network, made, {label: shown}).encode(png, label, seed)

    first, second = file_of(*one), file_of(*other)
    shared = set(uids(read(first))) & set(uids(read(second)))
    assert len(shared) == (3 if first == second else 0)


def test_marks_that_deidentification_leaves_say_synthetic_and_of_nobody(run: RunFolder, folder: Path) -> None:
    for image in exported(run, folder / "out").values():
        assert image.SyntheticData == "YES"
        assert image.ConversionType == "SYN"
        assert image.ImageType == ["DERIVED", "SECONDARY", "SYNTHETIC"]
        assert "synthetic" in image.Manufacturer
        assert "not of a person, not for diagnosis" in image.ManufacturerModelName


@pytest.mark.parametrize(
    ("side", "laterality", "image_laterality"),
    [("left", "L", None), ("right", "R", None), ("both", None, "B"), (None, "", None)],
)
def test_body_part_and_side_are_written_as_asked(
    side: Side | None, laterality: str | None, image_laterality: str | None, run: RunFolder, folder: Path
) -> None:
    for image in exported(run, folder / "out", body_part="knee", side=side).values():
        assert image.BodyPartExamined == "KNEE"
        assert image.get("Laterality") == laterality
        assert image.get("ImageLaterality") == image_laterality


def test_classes_taken_from_body_part_and_side_say_them(run: RunFolder, folder: Path) -> None:
    trained_here(run, label_tag="body_part")
    relabelled(run, normal="Knee", arthrosis="CHEST")
    parts = [
        (image.BodyPartExamined, image.get("Laterality")) for image in exported(run, folder / "a").values()
    ]
    assert sorted(parts) == [("CHEST", None)] * 2 + [("KNEE", "")] * 2
    trained_here(run, label_tag="Laterality")
    relabelled(run, Knee="L", CHEST="R")
    sides = [image.Laterality for image in exported(run, folder / "b", body_part="ELBOW").values()]
    assert sorted(sides) == ["L", "L", "R", "R"]


def test_images_flipped_to_one_side_are_of_that_side(run: RunFolder, folder: Path) -> None:
    trained_here(run, flip_to_side="right")
    assert {image.Laterality for image in exported(run, folder / "all known").values()} == {"R"}
    trained_here(run, Remark.SIDE_UNKNOWN, flip_to_side="right")
    assert {image.Laterality for image in exported(run, folder / "some not").values()} == {""}
    asked = exported(run, folder / "asked", side="left")
    assert {image.Laterality for image in asked.values()} == {"L"}


def test_a_network_from_elsewhere_learned_nothing_by_the_settings_of_this_run(
    run: RunFolder, folder: Path
) -> None:
    record = run.record("generate")
    assert record is not None
    trained_here(run, flip_to_side="right", label_tag="body_part")
    run.write_record(record)
    for image in exported(run, folder / "out").values():
        assert image.Laterality == ""
        assert "BodyPartExamined" not in image


@pytest.mark.parametrize(
    ("to", "asked", "said"),
    [
        ("dicom", {"body_part": "Kniegelenk, links"}, "such as KNEE"),
        ("dicom", {"body_part": "GENOU GAUCHE DE FACE"}, "such as KNEE"),
        ("dicom", {"body_part": ""}, "such as KNEE"),
        ("dicom", {"body_part": "chest", "side": "left"}, "CHEST has no sides"),
        ("folder", {"body_part": "KNEE"}, "Only DICOM"),
        ("folder", {"side": "left"}, "Only DICOM"),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_written(
    to: Any, asked: dict[str, Any], said: str, run: RunFolder, folder: Path
) -> None:
    with pytest.raises(InputError, match=said):
        gist.export_images(run.path, to, folder / "out", **asked)
    assert [entry.name for entry in folder.iterdir()] == ["runs"]
