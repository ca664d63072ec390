"""How often the watermark is found on real radiographs after what files go through, and how often where there is none.

Takes a folder of the layout of ../shared/data/knee (train/<class>/*.png, val/<class>/*.png); validation images are
marked, attacked and looked at; training images are looked at bare. Images are area-averaged to each size.

Run: python benchmarks/watermark.py DATA [--sides 64 128 224] [--marked 100] [--bare 300]
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gist.marking.watermark import FALSE_ALARMS, detect, embed

Grey = NDArray[np.uint8]
PAYLOAD = bytes.fromhex("0123abcd")
BICUBIC = Image.Resampling.BICUBIC


def jpeg(image: Grey, quality: int = 75) -> Grey:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    with Image.open(file) as coded:
        return np.asarray(coded)


def cropped(image: Grey, share: float) -> Grey:
    """Without this share of each axis, in equal parts from either side."""
    rest = round(image.shape[0] * share)
    return image[rest // 2 : image.shape[0] - (rest - rest // 2)][
        :, rest // 2 : image.shape[1] - (rest - rest // 2)
    ]


def turned(image: Grey, degrees: float) -> Grey:
    return np.asarray(Image.fromarray(image).rotate(degrees, BICUBIC))


def resized(image: Grey, factor: float) -> Grey:
    side = round(image.shape[0] * factor)
    return np.asarray(Image.fromarray(image).resize((side, side), BICUBIC))


ATTACKS: dict[str, Callable[[Grey], Grey]] = {
    "none": lambda image: image,
    "JPEG 75": jpeg,
    "crop 5 %": lambda image: cropped(image, 0.05),
    "crop 10 %": lambda image: cropped(image, 0.1),
    "crop 5 % at a corner": lambda image: image[image.shape[0] // 20 :, image.shape[0] // 20 :],
    "turn 2 degrees": lambda image: turned(image, 2),
    "turn -1.4 degrees": lambda image: turned(image, -1.4),
    "resize .75": lambda image: resized(image, 0.75),
    "resize 1.5": lambda image: resized(image, 1.5),
    "brighter by 25 levels": lambda image: np.clip(image + 25.0, 0, 255).astype(np.uint8),
    "contrast x .7": lambda image: np.round(128 + 0.7 * (image - 128.0)).astype(np.uint8),
    "turn 2 degrees, JPEG 75": lambda image: jpeg(turned(image, 2)),
}
"""8 bits of 16 is another way in: see main."""


def read(files: list[Path], side: int) -> list[Grey]:
    images = []
    for file in files:
        with Image.open(file) as image:
            images.append(np.asarray(image.convert("L").resize((side, side), Image.Resampling.BOX)))
    return images


def chosen(folder: Path, count: int) -> list[Path]:
    files = sorted(folder.glob("*/*.png"))
    return [files[int(at)] for at in np.random.default_rng(0).permutation(len(files))[:count]]


def row(name: str, found: list[tuple[float, bool]]) -> str:
    bounds, read_right = np.array(found).T
    return (
        f"| {name} | {100 * np.mean(bounds <= FALSE_ALARMS):.1f} | {bounds.max():.0e} | {np.median(bounds):.0e} "
        f"| {100 * read_right.mean():.0f} |"
    )


def main() -> None:
    """Prints a table for each size."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--sides", type=int, nargs="+", default=[64, 128, 224])
    arguments.add_argument("--marked", type=int, default=100)
    arguments.add_argument("--bare", type=int, default=300)
    given = arguments.parse_args()
    for side in given.sides:
        found: dict[str, list[tuple[float, bool]]] = {}
        ratios = []
        for image in read(chosen(given.data / "val", given.marked), side):
            marked = embed(image, PAYLOAD).astype(np.uint8)
            ratios.append(10 * np.log10(255**2 / np.mean((marked.astype(float) - image) ** 2)))
            received = {name: attack(marked) for name, attack in ATTACKS.items()}
            received["8 bits of 16"] = (embed(image.astype(np.uint16) * 257, PAYLOAD) >> 8).astype(np.uint8)
            for name, picture in received.items():
                result = detect(picture)
                found.setdefault(name, []).append((result.false_alarm, result.payload == PAYLOAD))
        print(f"\n### {side}x{side}: {given.marked} images, PSNR {min(ratios):.2f} dB and more\n")
        print(
            "| after | found % | largest bound | median bound | network read % |\n|---|---:|---:|---:|---:|"
        )
        for name, results in found.items():
            print(row(name, results))
        began = time.process_time()
        bare = [detect(image).false_alarm for image in read(chosen(given.data / "train", given.bare), side)]
        if bare:
            seconds = (time.process_time() - began) / len(bare)
            print(
                f"\n{len(bare)} real images without mark: {sum(bound <= FALSE_ALARMS for bound in bare)} false alarms, "
                f"smallest bound {min(bare):.2g}, {seconds:.2f} processor s each",
                flush=True,
            )


if __name__ == "__main__":
    main()
