"""Bad files end with a reason, and never take the others with them."""

from __future__ import annotations

import contextlib
import csv
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from decoding_crew import run_jobs
from PIL import Image
from prepare_call import PrepareCall
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless
from radiograph_files import SETTINGS, class_folders, decode, dicom, dicom_bytes, picture, save_png

from gist.intake.decode_job import JobSettings
from gist.intake.guarded_decode import Job
from gist.runs.folder import RunFolder
from gist.stages.vocabulary import Reason, SetAside


def reason_of(folder: Path, data: bytes, **changes: Any) -> Reason:
    with pytest.raises(SetAside) as caught:
        decode(folder / "file", data, **changes)
    return caught.value.reason


def png_bytes(folder: Path) -> bytes:
    return save_png(folder / "whole.png", picture(1).astype(np.uint8)).read_bytes()


def png_that_claims(width: int, height: int, row: bytes = bytes(1000)) -> bytes:
    """A valid PNG of its claimed size as far as `height` repetitions of `row` reach."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack("!I", len(content)) + kind + content + struct.pack("!I", zlib.crc32(kind + content))
        )

    header = struct.pack("!IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packer = zlib.compressobj(1)
    rows = b"".join([*(packer.compress(row) for _ in range(height)), packer.flush()])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_truncated_png_is_damaged(folder: Path) -> None:
    assert reason_of(folder, png_bytes(folder)[:-300]) is Reason.DAMAGED


def test_a_truncated_dicom_is_damaged(folder: Path) -> None:
    assert reason_of(folder, dicom_bytes(dicom(picture(1, top=4095)))[:-300]) is Reason.DAMAGED


def test_zeros_instead_of_a_dicom_file_are_damage_and_behind_one_nothing(folder: Path) -> None:
    """As broken copies and hostile files have them: each eight would be read as an element of its own."""
    whole = dicom_bytes(dicom(picture(1, top=4095)))
    meta = whole[: whole.index(b"\x08\x00\x16\x00")]
    assert reason_of(folder, whole[:132] + bytes(1 << 20)) is Reason.DAMAGED
    assert reason_of(folder, meta + bytes(1 << 20)) is Reason.DAMAGED
    plain = decode(folder / "a", whole)[0]
    assert decode(folder / "b", whole + bytes(1 << 20))[0] == plain


def test_text_and_nothing_are_not_images(folder: Path) -> None:
    assert reason_of(folder, b"Knee radiographs of 2018, see the other folder.\n" * 9) is Reason.NOT_AN_IMAGE
    assert reason_of(folder, b"") is Reason.EMPTY


def test_an_archive_among_the_files_is_called_one(folder: Path) -> None:
    with zipfile.ZipFile(folder / "inner.zip", "w") as archive:
        archive.writestr("a.png", png_bytes(folder))
    assert reason_of(folder, (folder / "inner.zip").read_bytes()) is Reason.ARCHIVE


def test_a_png_bomb_is_refused_by_its_header(folder: Path) -> None:
    assert reason_of(folder, png_that_claims(60_000, 60_000)) is Reason.TOO_MANY_PIXELS


def test_a_dicom_that_claims_a_huge_picture_is_refused(folder: Path) -> None:
    dataset = dicom(picture(1, top=4095))
    dataset.Rows = dataset.Columns = 60_000
    assert reason_of(folder, dicom_bytes(dataset)) is Reason.TOO_MANY_PIXELS


def test_a_jpeg_2000_stream_larger_than_its_header_says_is_refused(folder: Path) -> None:
    dataset = dicom(picture(1, 512, 4095))
    dataset.compress(JPEG2000Lossless, generate_instance_uid=False)
    stream = bytearray(dataset.PixelData)
    siz = stream.index(b"\xff\x4f\xff\x51")
    stream[siz + 8 : siz + 16] = struct.pack("!II", 60_000, 60_000)
    dataset.PixelData = bytes(stream)
    dataset.Rows = dataset.Columns = 64
    assert reason_of(folder, dicom_bytes(dataset)) is Reason.CONTRADICTORY


def test_a_deflated_file_is_read_within_the_limit_and_refused_beyond_it(folder: Path) -> None:
    dataset = dicom(picture(1, top=4095))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    assert decode(folder / "a", dicom_bytes(dataset))[0].bits == 12
    dataset.add_new(0x00091001, "UN", b"\0" * 40_000_000)
    assert len(dicom_bytes(dataset)) < 100_000
    assert reason_of(folder, dicom_bytes(dataset), max_pixels=1_000_000) is Reason.TOO_MUCH_MEMORY


def test_a_file_above_the_size_limit_is_refused_unread(folder: Path) -> None:
    assert reason_of(folder, png_bytes(folder), max_file_bytes=100) is Reason.TOO_LARGE_FILE


def test_too_small_a_picture_is_enlarged_only_on_request(folder: Path) -> None:
    data = png_bytes(folder)
    assert reason_of(folder, data, resolution=64) is Reason.TOO_SMALL
    accepted, grey = decode(folder / "a", data, resolution=64, allow_upsampling=True)
    assert accepted.enlarged
    assert grey.shape == (64, 64)


def run_files(paths: list[Path], processes: int = 1, **changes: Any) -> dict[str, Reason | None]:
    jobs = [Job(key, str(path), path.stat().st_size) for key, path in enumerate(paths)]
    settings = JobSettings(**{**SETTINGS, **changes})
    return {paths[found.key].name: found.reason for found in run_jobs(jobs, "decode", settings, processes)}


def small_pngs(folder: Path, count: int) -> list[Path]:
    return [save_png(folder / f"{n}.png", picture(n).astype(np.uint8)) for n in range(count)]


def test_memory_beyond_the_cap_costs_the_file_not_the_batch(folder: Path) -> None:
    large = folder / "large.png"
    Image.fromarray(np.tile(picture(1, 100), (40, 40))).save(large, compress_level=1)
    found = run_files([large, *small_pngs(folder, 5)], max_pixels=20_000_000, memory_bytes=120 << 20)
    assert found.pop("large.png") is Reason.TOO_MUCH_MEMORY
    assert list(found.values()) == [None] * 5


def test_time_beyond_the_cap_costs_the_file_not_the_batch(folder: Path) -> None:
    large = folder / "large.png"
    large.write_bytes(png_that_claims(12_000, 12_000, b"\0" + b"\0\xff" * 6_000))
    limits = {"max_pixels": 500_000_000, "memory_bytes": 4 << 30, "seconds": 1}
    found = run_files([large, *small_pngs(folder, 5)], **limits)
    assert found.pop("large.png") is Reason.TOO_SLOW
    assert list(found.values()) == [None] * 5


def test_a_decoding_process_killed_from_outside_costs_no_image(folder: Path) -> None:
    paths = small_pngs(folder, 40)
    jobs = [Job(key, str(path), path.stat().st_size) for key, path in enumerate(paths)]
    reasons = []
    for outcome in run_jobs(jobs, "decode", JobSettings(**SETTINGS), 2):
        if len(reasons) in (3, 17):
            decoding_children()[0].kill()
        reasons.append(outcome.reason)
    assert reasons == [None] * 40
    assert decoding_children() == []


def decoding_children() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
            if "gist.intake.worker" in child.cmdline():
                found.append(child)
    return found


def test_leaving_early_ends_the_decoding_processes(folder: Path) -> None:
    paths = small_pngs(folder, 40)
    jobs = [Job(key, str(path), path.stat().st_size) for key, path in enumerate(paths)]
    outcomes = run_jobs(jobs, "decode", JobSettings(**SETTINGS), 2)
    assert next(outcomes).reason is None
    assert len(decoding_children()) == 2
    outcomes.close()
    assert decoding_children() == []


def test_every_file_of_a_bad_folder_is_accepted_or_in_the_table_of_rejected_files(
    folder: Path, run: RunFolder, prepare_stage: PrepareCall
) -> None:
    source = class_folders(folder / "source", 5)
    good = png_bytes(folder)
    (source / "0" / "cut.png").write_bytes(good[: len(good) // 2])
    (source / "0" / "notes.txt").write_text("nothing to see")
    (source / "0" / "empty.png").touch()
    (source / "1" / "bomb.png").write_bytes(png_that_claims(50_000, 50_000))
    (source / "1" / "Thumbs.db").write_bytes(bytes(range(256)) * 4)
    (source / "stray.png").write_bytes(good)
    (source / "1" / "outside.png").symlink_to(folder / "whole.png")
    (source / "1" / "loop").symlink_to(source)
    os.mkfifo(source / "1" / "pipe.png")
    result = prepare_stage(source)
    assert (result.train_images, result.test_images) == (
        7,
        3,
    ) or result.train_images + result.test_images == 10
    assert result.rejected == {
        Reason.DAMAGED.value: 1,
        Reason.DOCUMENT.value: 1,
        Reason.NOT_AN_IMAGE.value: 1,
        Reason.EMPTY.value: 1,
        Reason.TOO_MANY_PIXELS.value: 1,
        Reason.NO_CLASS_FOLDER.value: 1,
        Reason.LINK_OUTSIDE.value: 1,
        Reason.LINK_INSIDE.value: 1,
        Reason.NOT_REGULAR.value: 1,
    }
    with (run.path / result.rejected_table).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["reason"] for row in rows) == sorted(
        reason for reason, n in result.rejected.items() for _ in range(n)
    )


def test_a_bomb_costs_the_parent_no_memory(folder: Path) -> None:
    bomb = folder / "bomb.png"
    bomb.write_bytes(png_that_claims(7_000, 7_000, bytes(7_001)))
    before = psutil.Process().memory_info().rss
    found = run_files([bomb, *small_pngs(folder, 3)], max_pixels=64_000_000, memory_bytes=100 << 20)
    assert found["bomb.png"] is Reason.TOO_MUCH_MEMORY
    assert psutil.Process().memory_info().rss - before < 50 << 20


def bombs(folder: Path) -> dict[str, Path]:
    """One small file of each kind that asks for gigabytes."""
    deflated = dicom(picture(1, top=4095))
    deflated.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    deflated.add_new(0x00091001, "UN", bytes(250_000_000))
    run_length = dicom(picture(1, top=4095))
    run_length.file_meta.TransferSyntaxUID = RLELossless
    segment = b"\x81\x00" * 1_500_000  # each pair of bytes stands for 128
    header = struct.pack("<16I", 2, 64, 64 + len(segment), *[0] * 13)
    run_length.PixelData = encapsulate([header + 2 * segment])
    run_length["PixelData"].VR = "OB"
    wavelets = dicom(picture(1, 512, 4095))
    wavelets.compress(JPEG2000Lossless, generate_instance_uid=False)
    stream = bytearray(wavelets.PixelData)
    siz = stream.index(b"\xff\x4f\xff\x51")
    stream[siz + 8 : siz + 16] = struct.pack("!II", 30_000, 30_000)
    wavelets.PixelData = bytes(stream)
    wavelets.Rows = wavelets.Columns = 64
    files = {
        "deflate": dicom_bytes(deflated),
        "run length": dicom_bytes(run_length),
        "JPEG 2000": dicom_bytes(wavelets),
        "PNG": png_that_claims(7_900, 7_900, bytes(7_901)),
    }
    paths = {}
    for name, data in files.items():
        paths[name] = folder / name
        paths[name].write_bytes(data)
    paths["zip"] = folder / "zip"
    with (
        zipfile.ZipFile(paths["zip"], "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a", "w") as member,
    ):
        for _ in range(150):
            member.write(bytes(1 << 20))
    return paths


def test_every_bomb_is_refused_and_costs_the_parent_no_memory(folder: Path) -> None:
    paths = bombs(folder)
    jobs = [
        Job(key, str(path), path.stat().st_size, member="a" if name == "zip" else "")
        for key, (name, path) in enumerate(paths.items())
    ]
    before = psutil.Process().memory_info().rss
    settings = JobSettings(**{**SETTINGS, "max_pixels": 64_000_000, "memory_bytes": 220 << 20})
    reasons = {}
    for outcome in run_jobs(jobs, "decode", settings, 1):
        reasons[list(paths)[outcome.key]] = outcome.reason
        assert psutil.Process().memory_info().rss - before < 200 << 20
    assert reasons["zip"] is Reason.TOO_LARGE_FILE
    assert reasons["JPEG 2000"] is Reason.CONTRADICTORY
    assert reasons["deflate"] is Reason.TOO_MUCH_MEMORY
    assert reasons["PNG"] is Reason.TOO_MUCH_MEMORY
    assert reasons["run length"] in (Reason.TOO_MUCH_MEMORY, Reason.DAMAGED, Reason.TOO_SLOW)
