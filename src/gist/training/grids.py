"""Pictures of a training: fixed latents at every snapshot, the real images beside them, and how they developed."""

from __future__ import annotations

import io
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from gist.files import write_atomic
from gist.generators.learning.images import TrainingImages
from gist.generators.learning.randomness import random_stream
from gist.generators.model import Model
from gist.images.archive import DataSet
from gist.images.png import read_picture
from gist.images.sheets import as_bytes, grid, write_png_atomic
from gist.images.tensors import pictures_of
from gist.version import __version__

COLUMNS = 8
_ROWS = 4
_MOST_CLASSES = 6
_FRAME_MILLISECONDS = 400
_LAST_FRAME_MILLISECONDS = 2000
_CAPTION_PIXELS = 14
_MOST_FRAMES = 60
_WIDEST_FRAME_PIXELS = 1200
_IMAGE_DESCRIPTION = 0x010E  # EXIF
SYNTHETIC_MARK = {"Synthetic": "YES", "Software": f"gist {__version__}"}


class Grids:
    """Writes the picture files of one training into `folder`.

    `hidden`: names in the archive of real images that are not to be shown, because their pixels may name somebody.
    """

    def __init__(
        self,
        folder: Path,
        images: TrainingImages,
        latent_shape: tuple[int, ...],
        seed: int,
        device: torch.device,
        hidden: Set[str] = frozenset(),
    ) -> None:
        self.folder = folder
        self.images = images
        self.seed = seed
        self._may_be_shown = np.array([name not in hidden for name in images.data_set.names])
        self._rows = min(_MOST_CLASSES, images.classes) if images.classes else _ROWS
        z = torch.randn(self._rows * COLUMNS, *latent_shape, generator=random_stream(seed, "grid", 0))
        c = images.one_hot(torch.arange(self._rows).repeat_interleave(COLUMNS))
        self._z, self._c = z.to(device), None if c is None else c.to(device)

    def file(self, images_seen: int) -> Path:
        """Where the grid of a snapshot lies."""
        return self.folder / f"network-{images_seen:09d}.png"

    @property
    def real_file(self) -> Path:
        return self.folder / "real.png"

    def write_real(self, changed: Callable[[torch.Tensor], torch.Tensor | None]) -> None:
        """Real training images, and the same as the learner sees them at the most (`changed`), to tell leaks by."""
        chosen = self._real()
        chosen = chosen[self._may_be_shown[chosen]]
        if self.real_file.exists() or not len(chosen):
            return
        data_set = self.images.data_set
        sheet = grid(np.stack([as_bytes(data_set.image(int(i))) for i in chosen]), COLUMNS)
        write_png_atomic(self.real_file, sheet)
        augmented = changed(self.images.select(torch.from_numpy(chosen), torch.device("cpu")))
        if augmented is not None:
            write_png_atomic(self.folder / "strongest-augmentation.png", _sheet(augmented))

    def write(self, G: Model, images_seen: int) -> float:
        """Draws the fixed latents; returns how varied they are, as a share of the variety of as many real images.

        Variety is the standard deviation of a pixel across the images, averaged over the pixels.
        """
        parts = []
        with torch.no_grad():
            for start in range(0, len(self._z), COLUMNS):
                chosen = slice(start, start + COLUMNS)
                parts.append(G(self._z[chosen], None if self._c is None else self._c[chosen]).cpu())
        drawn = torch.cat(parts).clamp(-1, 1)
        write_png_atomic(self.file(images_seen), _sheet(drawn), SYNTHETIC_MARK)
        real = self.images.select(torch.from_numpy(self._real()), torch.device("cpu"))
        return float(drawn.std(dim=0).mean() / real.std(dim=0).mean().clamp_min(1e-6))

    def write_progress(self, snapshots: list[dict[str, Any]]) -> Path | None:
        """An animation of the grids, first to last, marked as synthetic in each frame and in the file."""
        seen = [0, *(round(entry["kimg"] * 1000) for entry in snapshots)]
        seen = [images for images in seen if self.file(images).is_file()]
        if len(seen) < 2:
            return None
        kept = sorted({seen[round(i)] for i in np.linspace(0, len(seen) - 1, min(len(seen), _MOST_FRAMES))})
        frames = [self._frame(images) for images in kept]
        exif = Image.Exif()
        exif[_IMAGE_DESCRIPTION] = f"Synthetic: YES. {SYNTHETIC_MARK['Software']}"
        durations = [_FRAME_MILLISECONDS] * (len(frames) - 1) + [_LAST_FRAME_MILLISECONDS]
        buffer = io.BytesIO()
        frames[0].save(
            buffer,
            format="WEBP",
            save_all=True,
            append_images=frames[1:],
            duration=durations,
            loop=0,
            quality=80,
            exif=exif,
        )
        file = self.folder / "progress.webp"
        write_atomic(file, buffer.getvalue())
        return file

    def _frame(self, images_seen: int) -> Image.Image:
        sheet = Image.fromarray(read_picture(self.file(images_seen)))
        if sheet.width > _WIDEST_FRAME_PIXELS:
            sheet = sheet.resize(
                (_WIDEST_FRAME_PIXELS, round(sheet.height * _WIDEST_FRAME_PIXELS / sheet.width)),
                Image.Resampling.LANCZOS,
            )
        frame = Image.new(sheet.mode, (sheet.width, sheet.height + _CAPTION_PIXELS))
        frame.paste(sheet, (0, _CAPTION_PIXELS))
        ImageDraw.Draw(frame).text((4, 1), f"{images_seen / 1000:.1f} kimg - synthetic", fill="white")
        return frame

    def _real(self) -> NDArray[np.int64]:
        """Numbers of real images, those that may be shown first; as many of each class as the grids have."""
        random = np.random.default_rng(self.seed)
        data_set: DataSet = self.images.data_set

        def drawn(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
            mixed = random.permutation(numbers)
            return np.concatenate([mixed[self._may_be_shown[mixed]], mixed[~self._may_be_shown[mixed]]])

        if not self.images.classes:
            return drawn(np.arange(len(data_set)))[: self._rows * COLUMNS]
        rows = [drawn(data_set.of_class(k)) for k in range(self._rows)]
        return np.concatenate([np.resize(row, COLUMNS) for row in rows])


def _sheet(images: torch.Tensor) -> NDArray[np.uint8]:
    """Images [N, C, R, R] in -1..1 as one uint8 picture."""
    return grid(pictures_of(images), COLUMNS)
