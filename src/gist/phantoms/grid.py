"""Where the pixels of a radiograph lie in the anatomy."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gist.phantoms.patient import Knee

Map = NDArray[np.float32]


@dataclass(frozen=True)
class PixelGrid:
    """Pixels of an image of `height` x `width` pixels, and how the leg lies under them.

    Anatomical axes in mm: x towards lateral, y towards the feet, origin in the middle of the tibial plateau.
    """

    height: int
    width: int
    pixel_mm: float
    rotation_rad: float
    shift_mm: tuple[float, float]
    lateral_sign: int

    @classmethod
    def of(cls, knee: Knee, height: int, width: int) -> Self:
        """The grid on which this knee is exposed; a right knee's lateral side is on the image's left."""
        lateral_sign = 1 if knee.side == "L" else -1
        pixel_mm = knee.field_mm / min(height, width)
        return cls(height, width, pixel_mm, knee.rotation_rad, knee.shift_mm, lateral_sign)

    def anatomical_mm(self) -> tuple[Map, Map]:
        """x and y of every pixel centre, each [height, width]."""
        right = ((np.arange(self.width) - (self.width - 1) / 2) * self.pixel_mm - self.shift_mm[0])[None, :]
        down = ((np.arange(self.height) - (self.height - 1) / 2) * self.pixel_mm - self.shift_mm[1])[:, None]
        cosine, sine = np.cos(self.rotation_rad), np.sin(self.rotation_rad)
        x = self.lateral_sign * (cosine * right + sine * down)
        y = cosine * down - sine * right
        return x.astype(np.float32), y.astype(np.float32)

    def pixel_of(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        """Row and column, as fractions of pixels, of an anatomical point."""
        cosine, sine = np.cos(self.rotation_rad), np.sin(self.rotation_rad)
        across = self.lateral_sign * x_mm
        right = cosine * across - sine * y_mm + self.shift_mm[0]
        down = sine * across + cosine * y_mm + self.shift_mm[1]
        row = down / self.pixel_mm + (self.height - 1) / 2
        column = right / self.pixel_mm + (self.width - 1) / 2
        return float(row), float(column)
