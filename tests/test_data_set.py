"""The StyleGAN archive, written and read."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gist.errors import InputError
from gist.images.archive import ArchiveWriter, archive_name, read_data_set
from gist.images.png import as_unit, encode_png


def _write(
    path: Path, images: list[np.ndarray], labels: list[int] | None, names: tuple[str, ...] = ()
) -> None:
    with ArchiveWriter(path, names) as writer:
        for i, image in enumerate(images):
            writer.add(encode_png(image), None if labels is None else labels[i])


@given(seed=st.integers(0, 1000), count=st.integers(1, 5), deep=st.booleans())
def test_images_and_labels_come_back_as_they_went_in(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, deep: bool
) -> None:
    random = np.random.default_rng(seed)
    kind = np.uint16 if deep else np.uint8
    images = [random.integers(0, np.iinfo(kind).max, (32, 32)).astype(kind) for _ in range(count)]
    labels = random.integers(0, 3, count).tolist()
    path = tmp_path_factory.mktemp("archive") / "set.zip"
    _write(path, images, labels, ("a", "b", "c"))
    data = read_data_set(path)
    assert data.class_names == ("a", "b", "c")
    assert data.labels.tolist() == labels
    for image, back in zip(images, data.images(), strict=True):
        np.testing.assert_array_equal(image, back)
        assert back.dtype == kind
        assert 0 <= as_unit(back).min() <= as_unit(back).max() <= 1


def test_the_layout_is_the_one_other_tools_read(folder: Path) -> None:
    _write(folder / "set.zip", [np.zeros((32, 32), np.uint8)] * 2, [1, 0], ("no", "yes"))
    with zipfile.ZipFile(folder / "set.zip") as archive:
        assert archive.namelist() == ["00000/img00000000.png", "00000/img00000001.png", "dataset.json"]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        index = json.loads(archive.read("dataset.json"))
    assert index["labels"] == [["00000/img00000000.png", 1], ["00000/img00000001.png", 0]]
    assert archive_name(1234567) == "01234/img01234567.png"


def test_equal_images_make_equal_archives_whenever_they_are_written(folder: Path) -> None:
    image = np.arange(1024, dtype=np.uint16).reshape(32, 32)
    _write(folder / "a.zip", [image], [0], ("x",))
    _write(folder / "b.zip", [image], [0], ("x",))
    assert (folder / "a.zip").read_bytes() == (folder / "b.zip").read_bytes()


def test_an_archive_interrupted_while_written_does_not_appear(folder: Path) -> None:
    no_picture = np.zeros((2, 2, 7), np.uint8)
    with pytest.raises(TypeError, match="Cannot handle"):
        _write(folder / "set.zip", [np.zeros((32, 32), np.uint8), no_picture], None)
    assert list(folder.iterdir()) == []


def test_an_rgb_archive_of_the_reference_tool_keeps_its_colours(folder: Path) -> None:
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[..., 0] = 30
    Image.fromarray(rgb).save(folder / "x.png")
    Image.fromarray(rgb[..., 0]).save(folder / "grey.png")
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        archive.write(folder / "x.png", "00000/img00000000.png")
        archive.write(folder / "grey.png", "00000/img00000001.png")
        archive.writestr("dataset.json", json.dumps({"labels": None}))
    data = read_data_set(folder / "set.zip")
    assert data.class_names == ()
    assert data.channels == 3
    assert (data.image(0) == rgb).all()
    assert (data.image(1) == 30).all()
    assert data.image(1).shape == (32, 32, 3)
    assert np.allclose(data.array()[0], 30 * 0.299 / 255)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "run the prepare stage"),
        (b"not a zip", "not a readable data set"),
        ({}, "holds no PNG"),
        ({"00000/img00000000.png": (20, 32)}, "must be square"),
    ],
)
def test_a_bad_archive_is_one_sentence(folder: Path, content: object, words: str) -> None:
    path = folder / "set.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        with zipfile.ZipFile(path, "w") as archive:
            for name, shape in content.items():
                archive.writestr(name, encode_png(np.zeros(shape, np.uint8)))
    with pytest.raises(InputError, match=words):
        read_data_set(path)


@pytest.mark.parametrize(
    "index",
    [{"labels": [["00000/img00000000.png", 5]], "class_names": ["a"]}, {"labels": [["other.png", 0]]}],
)
def test_labels_that_do_not_fit_the_images_are_refused(folder: Path, index: dict[str, object]) -> None:
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        archive.writestr("00000/img00000000.png", encode_png(np.zeros((32, 32), np.uint8)))
        archive.writestr("dataset.json", json.dumps(index))
    with pytest.raises(InputError, match=r"dataset\.json"):
        read_data_set(folder / "set.zip")
