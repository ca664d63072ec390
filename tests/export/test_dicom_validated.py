"""Exported DICOM passes a validator that is not ours, whatever is known of the body and however classes are called."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import config, dcmread

import gist
from gist.images.png import encode_png
from gist.runs.folder import RunFolder
from gist.verbs.export.anatomy import Anatomy
from gist.verbs.export.secondary_capture import SecondaryCaptures

pytest.importorskip("highdicom")
LONG = "Gonarthrose, Größe „überlang“: 膝関節の変形性関節症 (グレード3)"
CLASSES = ["arthrosis", "", "KL 3\\4", LONG, "é" * 64, "a" + "é" * 63, "é" * 200, "膝　関節", "two\nlines"]
SYNTHETIC_DATA = ("0x0008,0x001c", "Standard Extended SOP Class")
"""What dciodvfy says of Synthetic Data (0008,001C), which its version of the standard did not have yet."""
UNKNOWN_SIDE = "is only permitted to be empty when actually unknown"


def complaints(file: Path) -> list[str]:
    """Errors and warnings of dciodvfy; its exit status is 0 for some of its errors."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed (Debian: dicom3tools)")
    told = subprocess.run([program, str(file)], capture_output=True, text=True, check=False)
    lines = (told.stdout + told.stderr).splitlines()
    assert "SCImage" in lines, "not recognised as a Secondary Capture"
    return [
        line for line in lines if line != "SCImage" and not any(known in line for known in SYNTHETIC_DATA)
    ]


def encoded(folder: Path, label: str = "", seed: int = 7, **shown: Any) -> Path:
    file = folder / "image.dcm"
    captures = SecondaryCaptures("c" * 64, "2026-01-02T03:04:05+00:00", {label: Anatomy(**shown)})
    file.write_bytes(captures.encode(encode_png(np.eye(32, dtype=np.uint8) * 200), label, seed))
    return file


@pytest.mark.parametrize("to", [{}, {"body_part": "knee", "side": "left"}], ids=["nothing known", "known"])
def test_what_the_command_exports_is_without_fault(
    to: Mapping[str, Any], run: RunFolder, folder: Path
) -> None:
    gist.export_images(run.path, "dicom", folder / "out", **to)
    files = sorted((folder / "out").rglob("*.dcm"))
    assert len(files) == 4
    told = [line for file in files for line in complaints(file)]
    assert len(told) == (0 if to else 4)
    assert all(UNKNOWN_SIDE in line for line in told)


@pytest.mark.parametrize("side", [None, "left", "right", "both"])
@pytest.mark.parametrize("part", [None, "KNEE", "ELBOW", "HAND"])
def test_a_known_side_leaves_nothing_to_say(part: str | None, side: str | None, folder: Path) -> None:
    told = complaints(encoded(folder, body_part=part, side=side))
    assert all(UNKNOWN_SIDE in line for line in told)
    assert len(told) == (side is None)


@pytest.mark.parametrize("part", ["CHEST", "ABDOMEN", "PELVIS", "SKULL", "HEAD", "NECK", "LSPINE", "SPINE"])
def test_a_part_of_which_there_is_one_has_no_side_at_all(part: str, folder: Path) -> None:
    file = encoded(folder, body_part=part)
    assert "Laterality" not in dcmread(file)
    assert complaints(file) == []


@pytest.mark.parametrize("label", CLASSES)
def test_any_class_name_makes_a_valid_file(label: str, folder: Path) -> None:
    assert complaints(encoded(folder, label, body_part="KNEE", side="left")) == []


@pytest.mark.parametrize("label", CLASSES)
def test_a_strict_reader_takes_any_class_name(
    label: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.RAISE)
    image = dcmread(encoded(folder, label))
    assert [element.value for element in image.iterall()]
    whole = label.replace("\\", "/").replace("\n", " ").replace("　", " ")
    assert whole in image.ImageComments
    assert f"Synthetic, class {whole}".startswith(image.SeriesDescription)
    assert not label or len(image.SeriesDescription) > len("Synthetic, class ")


@pytest.mark.parametrize("seed", [0, 10**15, 10**16, 2**64 - 1])
def test_any_seed_makes_a_valid_file(seed: int, folder: Path) -> None:
    file = encoded(folder, seed=seed, body_part="KNEE", side="left")
    assert str(seed) in str(dcmread(file).PatientName)
    assert complaints(file) == []


def test_sixteen_bits_stay_sixteen(folder: Path) -> None:
    deep: NDArray[np.uint16] = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    captures = SecondaryCaptures("c" * 64, "2026-01-02T03:04:05+00:00", {"": Anatomy("KNEE", "left")})
    file = folder / "image.dcm"
    file.write_bytes(captures.encode(encode_png(deep), "", 7))
    assert np.array_equal(dcmread(file).pixel_array, deep)
    assert complaints(file) == []
