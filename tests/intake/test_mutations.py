"""Two thousand broken files: each ends as accepted or with a reason, each broken table in a sentence."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
from decoding_crew import run_jobs
from PIL import Image
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless
from radiograph_files import SETTINGS, dicom, dicom_bytes, picture

from gist.errors import InputError
from gist.intake.decode_job import JobSettings
from gist.intake.guarded_decode import Job
from gist.intake.label_table import read_label_table
from gist.intake.labelling import label_source
from gist.stages.prepare import PrepareConfig
from gist.stages.vocabulary import Reason

PER_SEED = 150  # of ten kinds; with 200 zip archives and 300 tables 2,000 in all
ZIPS, TABLES = 200, 300


def seeds() -> list[bytes]:
    """One valid file of each kind."""
    files = [dicom_bytes(dicom(picture(1, top=4095), WindowCenter=2000, WindowWidth=3000))]
    for syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
        dataset = dicom(picture(2, top=4095))
        dataset.compress(syntax, generate_instance_uid=False)
        files.append(dicom_bytes(dataset))
    for pixels, format_ in [
        (picture(3).astype(np.uint8), "PNG"),
        (picture(3, top=60000), "PNG"),
        (picture(4).astype(np.uint8), "JPEG"),
        (picture(5, top=60000), "TIFF"),
        (picture(6).astype(np.uint8), "BMP"),
        (picture(6).astype(np.uint8), "WEBP"),
    ]:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, format=format_)
        files.append(buffer.getvalue())
    return files


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Flips bits, overwrites a length-like field with an extreme, cuts, or repeats a part."""
    broken = bytearray(data)
    kind = rng.integers(4)
    # Headers are where lies are told, so half of the changes fall into the first 600 bytes.
    reach = min(len(broken), 600) if rng.random() < 0.5 else len(broken)
    place = int(rng.integers(reach))
    if kind == 0:
        for position in rng.integers(reach, size=int(rng.integers(1, 8))):
            broken[position] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        broken[place : place + 4] = [
            b"\xff\xff\xff\xff",
            b"\0\0\0\0",
            b"\x7f\xff\xff\xff",
            b"\xff\xff\xff\x7f",
        ][int(rng.integers(4))]
    elif kind == 2:
        del broken[place:]
    else:
        broken[place:place] = broken[place : place + int(rng.integers(1, 200))]
    return bytes(broken)


def test_every_mutated_file_ends_as_accepted_or_with_a_reason(folder: Path) -> None:
    rng = np.random.default_rng(20240601)
    jobs = []
    for data in seeds():
        for _ in range(PER_SEED):
            path = folder / f"{len(jobs)}"
            path.write_bytes(mutate(data, rng))
            jobs.append(Job(len(jobs), str(path), path.stat().st_size))
    outcomes = list(run_jobs(jobs, "decode", JobSettings(**SETTINGS), 2))
    assert sorted(outcome.key for outcome in outcomes) == list(range(len(jobs)))
    assert all((outcome.accepted is None) == isinstance(outcome.reason, Reason) for outcome in outcomes)
    accepted = sum(outcome.accepted is not None for outcome in outcomes)
    assert 0.1 * len(jobs) < accepted < 0.9 * len(jobs)


def test_every_mutated_table_is_read_or_refused_in_a_sentence() -> None:
    rng = np.random.default_rng(7)
    table = ("file;label\n" + "".join(f'"p{n}.png";{n % 3}\n' for n in range(40))).encode()
    read, sentences = 0, []
    for _ in range(TABLES):
        try:
            read += bool(read_label_table(mutate(table, rng), PrepareConfig()).rows)
        except InputError as error:
            sentences.append(str(error))
    assert read
    assert sentences
    assert all("label table" in sentence.casefold() for sentence in sentences)


def zip_of_pictures() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(2):
            picture_file = io.BytesIO()
            Image.fromarray(picture(number, 40).astype(np.uint8)).save(picture_file, format="PNG")
            archive.writestr(f"{number}/a.png", picture_file.getvalue())
        archive.writestr("dataset.json", json.dumps({"labels": [["0/a.png", 0], ["1/a.png", 1]]}))
    return buffer.getvalue()


def test_every_mutated_zip_archive_is_read_or_refused_in_a_sentence(folder: Path) -> None:
    rng = np.random.default_rng(11)
    data = zip_of_pictures()
    jobs, sentences = [], []
    for number in range(ZIPS):
        path = folder / f"{number}.zip"
        path.write_bytes(mutate(data, rng))
        try:
            found = label_source(PrepareConfig(source=path), 0, bytes(32))
        except InputError as error:
            sentences.append(str(error))
            continue
        for candidate in found.candidates:
            jobs.append(Job(len(jobs), str(path), candidate.file.bytes, candidate.file.relative))
    outcomes = list(run_jobs(jobs, "decode", JobSettings(**SETTINGS), 1))
    assert sorted(outcome.key for outcome in outcomes) == list(range(len(jobs)))
    accepted = sum(outcome.accepted is not None for outcome in outcomes)
    assert len(sentences) > 10
    assert all(sentence.endswith(".") for sentence in sentences)
    assert 0 < accepted < len(jobs)
