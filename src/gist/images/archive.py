"""The StyleGAN archive: an uncompressed zip of PNGs with `dataset.json`, read and written.

`dataset.json` holds `{"labels": [["00000/img00000000.png", class], …]}` (or null without labels), as the StyleGAN
tools expect; ours adds `"class_names"`, which they ignore.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from gist.errors import InputError
from gist.images.colour import with_channels
from gist.images.png import Pixels, as_grey_unit, decode_png

_FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # so that equal images make equal archives
_UNWRITTEN_BYTES = 1 << 20


def archive_name(index: int) -> str:
    """Name of image number `index` inside an archive, as the StyleGAN tools write it."""
    return f"{index // 1000:05d}/img{index:08d}.png"


class _StoredZip(zipfile.ZipFile):
    """Writes each entry in one go; `writestr` goes back to put length and checksum before what it has written."""

    def append(self, name: str, content: bytes) -> None:
        info = zipfile.ZipInfo(name, _FIXED_TIME)
        info.external_attr = 0o600 << 16
        info.file_size = info.compress_size = len(content)
        info.CRC = isal_zlib.crc32(content)
        info.header_offset = self.start_dir
        written = info.FileHeader() + content
        assert self.fp is not None  # open until closed
        self.fp.write(written)
        self.start_dir += len(written)
        self.filelist.append(info)
        self.NameToInfo[name] = info
        self._didModify = True


class ArchiveWriter:
    """Writes an archive image by image; it appears under its name only when complete.

    Use as a context manager; leaving it by an exception leaves nothing behind.
    """

    def __init__(self, path: Path, class_names: Sequence[str] = ()) -> None:
        from gist.files import atomic_path

        self.class_names = tuple(class_names)
        self._labels: list[tuple[str, int]] = []
        self._count = 0
        self._atomic = atomic_path(path)

    def __enter__(self) -> ArchiveWriter:
        with ExitStack() as opening:
            file = opening.enter_context(self._atomic).open("w+b", buffering=_UNWRITTEN_BYTES)
            self._zip = opening.enter_context(_StoredZip(opening.enter_context(file), "w"))
            self._open = opening.pop_all()
        return self

    def add(self, png: bytes, label: int | None) -> str:
        """Appends an image and returns its name inside the archive."""
        name = archive_name(self._count)
        self._zip.append(name, png)
        if label is not None:
            self._labels.append((name, label))
        self._count += 1
        return name

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._open.__exit__(kind, error, trace)
            return
        with self._open:
            index = {"labels": self._labels or None, "class_names": list(self.class_names)}
            self._zip.append("dataset.json", json.dumps(index).encode())


@dataclass(frozen=True)
class DataSet:
    """An archive held in memory: the image files' bytes stay compressed and are decoded on demand."""

    names: tuple[str, ...]
    labels: NDArray[np.int64]
    """[N] class numbers; all 0 without labels."""
    class_names: tuple[str, ...]
    """Empty without labels."""
    resolution: int
    pngs: tuple[bytes, ...]
    channels: int = 1
    """Of every image, as of the first one: 1 for grey, 3 for colours."""

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> Pixels:
        """Image number `index`, uint8 or uint16 [H, W], or [H, W, 3] of colours."""
        return with_channels(_decode(self.pngs[index], self.names[index]), self.channels)

    def images(self, indices: Sequence[int] | NDArray[np.int64] | None = None) -> Iterator[Pixels]:
        """The chosen images in order, one at a time."""
        for index in range(len(self)) if indices is None else indices:
            yield self.image(int(index))

    def array(self, indices: Sequence[int] | NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """The chosen images, of colours their luma, as float32 [N, H, W] in 0-1."""
        return np.stack([as_grey_unit(image) for image in self.images(indices)])

    def of_class(self, label: int) -> NDArray[np.int64]:
        """Indices of the images of one class."""
        return np.flatnonzero(self.labels == label)


_REMEDY = "if gist made it, delete it and run that stage again"


def read_data_set(path: Path) -> DataSet:
    """Reads an archive written by gist or by the StyleGAN data set tool.

    Raises:
        InputError: the file is missing, is no such archive, or its images differ in size or are not square.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.lower().endswith(".png"))
            pngs = tuple(archive.read(name) for name in names)
            index = json.loads(archive.read("dataset.json")) if "dataset.json" in archive.namelist() else {}
    except FileNotFoundError:
        raise InputError(f"There is no data set at {path}; run the prepare stage first.") from None
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} is not a readable data set archive ({error}); {_REMEDY}.") from None
    if not names:
        raise InputError(f"{path} holds no PNG images; {_REMEDY}.")
    labels, class_names = _labels(index, names, path)
    first = _decode(pngs[0], names[0])
    if first.shape[0] != first.shape[1]:
        raise InputError(f"{path} holds images of {first.shape[1]}x{first.shape[0]}; they must be square.")
    channels = 1 if first.ndim == 2 else 3
    return DataSet(tuple(names), labels, class_names, first.shape[0], pngs, channels)


def _labels(index: object, names: Sequence[str], path: Path) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    pairs = index.get("labels") if isinstance(index, dict) else None
    if not pairs:
        return np.zeros(len(names), np.int64), ()
    try:
        by_name = {str(name): int(label) for name, label in pairs}
        labels = np.array([by_name[name] for name in names], np.int64)
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"{path}: dataset.json does not give every image one class number; {_REMEDY}."
        ) from None
    given = index.get("class_names") if isinstance(index, dict) else None
    class_names = (
        tuple(str(name) for name in given) if given else tuple(str(i) for i in range(int(labels.max()) + 1))
    )
    if labels.min() < 0 or labels.max() >= len(class_names):
        raise InputError(f"{path}: dataset.json holds class numbers without a name; {_REMEDY}.")
    return labels, class_names


def _decode(png: bytes, name: str) -> Pixels:
    try:
        return decode_png(png)
    except ValueError:
        raise InputError(
            f"Image {name} in the archive is neither 8 nor 16 bit; prepare the data again."
        ) from None
