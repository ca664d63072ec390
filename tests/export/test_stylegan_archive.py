"""The StyleGAN archive both ways: one in the reference tool's layout is read, and ours has that layout."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gist.config import build_config
from gist.images.archive import ArchiveWriter, read_data_set
from gist.images.png import encode_png
from gist.intake.stage import prepare
from gist.progress import Silent
from gist.runs.folder import RunFolder


def reference_archive(path: Path, pictures: list[NDArray[np.uint8]], labels: list[int] | None) -> Path:
    """As the StyleGAN data set tool writes it: stored, folders of a thousand, dataset.json last."""
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_STORED) as archive:
        names = [f"{number // 1000:05d}/img{number:08d}.png" for number in range(len(pictures))]
        for name, pixels in zip(names, pictures, strict=True):
            buffer = io.BytesIO()
            Image.fromarray(pixels).save(buffer, format="png", compress_level=0, optimize=False)
            archive.writestr(name, buffer.getvalue())
        pairs = None if labels is None else [[name, label] for name, label in zip(names, labels, strict=True)]
        archive.writestr("dataset.json", json.dumps({"labels": pairs}))
    return path


@pytest.mark.parametrize("labels", [[0, 1, 0, 2], None])
def test_an_archive_of_the_reference_tool_is_prepared_with_its_pixels_and_labels(
    labels: list[int] | None, folder: Path, pictures: list[NDArray[np.uint8]]
) -> None:
    source = reference_archive(folder / "theirs.zip", pictures, labels)
    run = RunFolder(folder / "run")
    settings = {"source": str(source), "resolution": 64, "test_fraction": 0.0}
    result = prepare(build_config({"prepare": settings, "device": "cpu"}), run, Silent())
    assert result.class_names == (("0", "1", "2") if labels else ())
    read = read_data_set(run.path / result.train_archive)
    found = {pixels.tobytes(): int(label) for pixels, label in zip(read.images(), read.labels, strict=True)}
    assert found == {
        pixels.tobytes(): label for pixels, label in zip(pictures, labels or [0] * 4, strict=True)
    }


@pytest.mark.parametrize("labels", [[0, 1, 0, 2], None])
def test_our_archive_has_the_layout_of_the_reference_tool(
    labels: list[int] | None, folder: Path, pictures: list[NDArray[np.uint8]]
) -> None:
    theirs = reference_archive(folder / "theirs.zip", pictures, labels)
    with ArchiveWriter(folder / "ours.zip", ("a", "b", "c") if labels else ()) as writer:
        for pixels, label in zip(pictures, labels or [None] * 4, strict=True):
            writer.add(encode_png(pixels), label)
    with zipfile.ZipFile(theirs) as one, zipfile.ZipFile(folder / "ours.zip") as other:
        assert other.namelist() == one.namelist()
        assert {entry.compress_type for entry in other.infolist()} == {zipfile.ZIP_STORED}
        assert (
            json.loads(other.read("dataset.json"))["labels"] == json.loads(one.read("dataset.json"))["labels"]
        )
        for name in one.namelist()[:-1]:
            with Image.open(io.BytesIO(one.read(name))) as a, Image.open(io.BytesIO(other.read(name))) as b:
                assert a.mode == b.mode == "L"
                assert np.array_equal(np.asarray(a), np.asarray(b))
