"""Exported DICOM in a real archive: Orthanc keeps every export, and the marks outlive its anonymisation."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread

import gist
from gist.files import write_atomic
from gist.images.png import encode_png
from gist.runs.folder import RunFolder

pytest.importorskip("highdicom")


@dataclass(frozen=True)
class Archive:
    """An Orthanc that is running."""

    url: str

    def ask(self, path: str, body: bytes | None = None) -> bytes:
        with build_opener(ProxyHandler({})).open(Request(f"{self.url}/{path}", body)) as answer:
            return bytes(answer.read())

    def told(self, path: str, body: bytes | None = None) -> Any:
        return json.loads(self.ask(path, body))

    def store(self, file: Path) -> tuple[str, str]:
        """Status and the archive's own name of the object."""
        answer = self.told("instances", file.read_bytes())
        return answer["Status"], answer["ID"]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin") or shutil.which("Orthanc")
    if program is None:
        pytest.skip("Orthanc is not installed (Debian: orthanc)")
    home = tmp_path / "orthanc"
    home.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "StorageDirectory": str(home / "db"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "Plugins": [],
    }
    (home / "orthanc.json").write_text(json.dumps(settings))
    command = [program, str(home / "orthanc.json")]
    with subprocess.Popen(command, cwd=home, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            assert any("Orthanc has started" in line for line in server.stderr), "Orthanc did not start"
            yield Archive(f"http://127.0.0.1:{port}")
        finally:
            server.kill()  # it takes seconds to end by itself, and nothing of it is kept


def exported(run: RunFolder, out: Path, **asked: Any) -> list[Path]:
    gist.export_images(run.path, "dicom", out, **asked)
    return sorted(out.rglob("*.dcm"))


def test_every_other_export_is_kept_beside_the_first(
    archive: Archive, run: RunFolder, folder: Path, pictures: list[NDArray[np.uint8]]
) -> None:
    exports = [
        exported(run, folder / "first"),
        exported(run, folder / "knees", body_part="KNEE", side="left"),
    ]
    write_atomic(run.path / "generate" / "images" / "seed00000008.png", encode_png(pictures[1].T.copy()))
    repainted = exported(run, folder / "repainted")
    for files in exports:
        for file in files:
            status, name = archive.store(file)
            assert status == "Success"
            assert archive.ask(f"instances/{name}/file") == file.read_bytes()
    statuses = {file.name: archive.store(file)[0] for file in repainted}
    assert [name for name, status in statuses.items() if status == "Success"] == ["seed00000008.dcm"]
    assert list(statuses.values()).count("AlreadyStored") == 3
    assert len(archive.told("patients")) == 5
    assert len(archive.told("studies")) == len(archive.told("series")) == len(archive.told("instances")) == 9
    parts = [
        archive.told(f"series/{name}")["MainDicomTags"].get("BodyPartExamined")
        for name in archive.told("series")
    ]
    assert parts.count("KNEE") == 4


@pytest.mark.parametrize("level", ["instances", "studies"])
def test_an_anonymised_image_still_says_that_it_is_synthetic(
    level: str, archive: Archive, run: RunFolder, folder: Path
) -> None:
    file = exported(run, folder / "out", body_part="ELBOW", side="right")[0]
    name = archive.store(file)[1]
    if level == "studies":
        (study,) = archive.told("studies")
        made = archive.told(f"studies/{study}/anonymize", b"{}")
        (inside,) = archive.told(f"studies/{made['ID']}/instances")
        content = archive.ask(f"instances/{inside['ID']}/file")
    else:
        content = archive.ask(f"instances/{name}/anonymize", b"{}")
    left, whole = dcmread(BytesIO(content)), dcmread(file)
    assert left.PatientName != whole.PatientName
    assert "ImageComments" not in left
    for mark in ("SyntheticData", "ConversionType", "ImageType", "Manufacturer", "ManufacturerModelName"):
        assert left[mark].value == whole[mark].value
    assert "synthetic" in left.Manufacturer
    assert "not of a person, not for diagnosis" in left.ManufacturerModelName
    assert (left.BodyPartExamined, left.Laterality) == ("ELBOW", "R")
    assert np.array_equal(left.pixel_array, whole.pixel_array)
