"""Every file of the shared DICOM collection against its catalogue."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from decoding_crew import run_jobs
from numpy.typing import NDArray
from radiograph_files import SETTINGS

from gist.intake import dicom
from gist.intake.decode_job import JobSettings
from gist.intake.dicom_stream import parse_dicom
from gist.intake.guarded_decode import Job, Outcome
from gist.stages.vocabulary import Reason

HAS_GDCM = importlib.util.find_spec("gdcm") is not None
MAX_PIXELS = 64_000_000
# What a plain installation has no decoder for.
NEED_GDCM = {
    "pydicom-data/bad_sequence.dcm": Reason.NEEDS_GDCM,
    "pydicom/JPGExtended.dcm": Reason.TWELVE_BIT_JPEG,
    "pydicom/JPEG-lossy.dcm": Reason.TWELVE_BIT_JPEG,
}
WITHOUT_DECODER = {} if HAS_GDCM else NEED_GDCM
# 12-bit JPEG is lossy, and decoders may round differently (ITU-T T.81 F.2.1): the catalogue's values come from another
# one. GDCM and libjpeg-turbo agree on these.
TWELVE_BIT_MD5 = "812050a7fc53b5735f7740b60969cb6b"
# Files the catalogue's reader could not decode, and what is wrong with each.
REASONS = {
    "pydicom/JPEG2000-embedded-sequence-delimiter.dcm": Reason.CONTRADICTORY,
    "pydicom/MR_truncated.dcm": Reason.DAMAGED,
    "pydicom/badVR.dcm": Reason.DAMAGED,
    "pydicom/chrJapMulti.dcm": Reason.NO_PICTURE,
    "pydicom/chrKoreanMulti.dcm": Reason.NO_PICTURE,
    "pydicom/meta_missing_tsyntax.dcm": Reason.NO_TRANSFER_SYNTAX,
    "pydicom/no_meta.dcm": Reason.NOT_AN_IMAGE,  # a stray byte before the first element
    "pydicom/rtplan.dcm": Reason.NO_PICTURE,
    "pydicom/test-SR.dcm": Reason.NO_PICTURE,
    "pydicom/waveform_ecg.dcm": Reason.NO_PICTURE,
    "pydicom/dicomdirtests/DICOMDIR": Reason.DICOM_DIRECTORY,
    "pydicom-data/emri_small_jpeg_2k_lossless_too_short.dcm": Reason.DAMAGED,
    "presidio/0_ORIGINAL_no_pixels.dcm": Reason.NO_PICTURE,
}
# The first has no file meta, which the catalogue's reader refuses; the parser finds the encoding by trying. The other
# shows what JPGExtended.dcm shows, and only some decoders refuse it.
READ_NEVERTHELESS = {"pydicom-data/OT-PAL-8-face.dcm", "pydicom/JPEG-lossy.dcm"}


@pytest.fixture(scope="module")
def catalogue(shared_dir: Path) -> list[dict[str, str]]:
    with (shared_dir / "data" / "dicom" / "catalog.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def outcomes(shared_dir: Path, catalogue: list[dict[str, str]]) -> dict[str, Outcome]:
    settings = JobSettings(
        **{**SETTINGS, "allow_upsampling": True, "max_pixels": MAX_PIXELS, "memory_bytes": 2 << 30}
    )
    paths = [shared_dir / "data" / "dicom" / row["file"] for row in catalogue]
    jobs = [Job(key, str(path), path.stat().st_size) for key, path in enumerate(paths)]
    found = run_jobs(jobs, "decode", settings, processes=2)
    return {catalogue[outcome.key]["file"]: outcome for outcome in found}


def test_every_decodable_file_is_accepted_and_every_other_set_aside_with_its_reason(
    catalogue: list[dict[str, str]], outcomes: dict[str, Outcome]
) -> None:
    assert len(outcomes) == 62
    for row in catalogue:
        outcome, name = outcomes[row["file"]], row["file"]
        reason = WITHOUT_DECODER.get(name) or REASONS.get(name)
        assert outcome.reason is reason, name
        assert (outcome.accepted is None) == (reason is not None)
        if reason is None and name not in READ_NEVERTHELESS:
            assert row["decode"] in ("ok", ""), name


@pytest.mark.filterwarnings("ignore")  # pydicom remarks on oddities of the files, which are why they are here
def test_stored_pixels_agree_with_the_catalogue_before_any_window(
    shared_dir: Path, catalogue: list[dict[str, str]]
) -> None:
    compared = 0
    for row in catalogue:
        if row["decode"] != "ok" or row["file"] in WITHOUT_DECODER:
            continue
        pixels = all_frames(shared_dir / "data" / "dicom" / row["file"])
        expected = TWELVE_BIT_MD5 if row["file"] == "pydicom/JPGExtended.dcm" else row["pixel_md5"]
        assert hashlib.md5(pixels.tobytes()).hexdigest() == expected, row["file"]
        assert (pixels.min(), pixels.max()) == (float(row["min"]), float(row["max"])), row["file"]
        compared += 1
    assert compared >= 43


@pytest.mark.parametrize("name", NEED_GDCM)
def test_what_needs_the_extra_says_so_or_is_read_with_it(name: str, outcomes: dict[str, Outcome]) -> None:
    if HAS_GDCM:
        assert outcomes[name].reason is None
    else:
        assert "pip install 'gist-synth[gdcm]'" in str(outcomes[name].reason)


def all_frames(path: Path) -> NDArray[np.generic]:
    dataset = parse_dicom(path.read_bytes(), 1 << 30)
    header, _ = dicom.open_dicom(path.read_bytes(), MAX_PIXELS)
    frames = int(dataset.get("NumberOfFrames") or 1)
    pixels = [dicom.stored_pixels(dataset, header, frame) for frame in range(frames)]
    return np.stack(pixels) if frames > 1 else pixels[0]
