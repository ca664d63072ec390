"""How often the search for burned-in text flags grain, misses words, and how much more than words its frames cover.

    python benchmarks/burned_in_text.py                      # drawn films
    python benchmarks/burned_in_text.py --source some/folder # your own films without text
    python benchmarks/burned_in_text.py --dump missed        # and the pictures that went wrong

Films are used as they are and enlarged threefold. Part one adds grain of several kinds and amounts and counts what is
flagged. Part two writes names, dates and settings in many sizes, greys and places: on clean, large and grainy films,
before a film is stretched, and with a short word under the line. A writing is found where frames cover nine tenths of
its ink; width is that of the frames beside that of the words.
"""

from __future__ import annotations

import argparse
import io
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from gist.intake.burned_in_text import TextBox, find_text, find_words, united
from gist.phantoms.radiograph import draw_unclipped

Film = NDArray[np.floating[Any]]
"""[H, W] in grey levels, 0 to 255."""
AMOUNTS = (4, 8, 14, 20, 30, 40)
WRITINGS = (
    "SMITH, JOHN A",
    "DOE^JANE 12/03/1965",
    "ID 4711-0815",
    "DOB: 06.16.1976",
    "St. Mary Hospital",
    "Okafor",
    "03/09/2012",
    "KV70",
    "0600 hrs",
    "PORTABLE",
)
SIZES = (10, 12, 14, 16, 20, 26, 34)
INKS = (255.0, 230.0, 0.0)
PLACES = ((0.02, 0.02), (0.98, 0.02), (0.02, 0.98), (0.98, 0.98), (0.5, 0.02), (0.5, 0.5))


def _unit(values: NDArray[Any]) -> Film:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-9), dtype=np.float32)


def _enlarged(rng: np.random.Generator, film: Film, times: float) -> Film:
    height, width = film.shape
    small = rng.standard_normal((int(height / times) + 1, int(width / times) + 1)).astype(np.float32)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def _specks(rng: np.random.Generator, film: Film) -> Film:
    grains = rng.random(film.shape)
    return np.where(grains < 0.02, -1.0, np.where(grains > 0.98, 1.0, 0.0)).astype(np.float32) * 3


GRAINS: dict[str, Callable[[np.random.Generator, Film], Film]] = {
    "white": lambda rng, film: rng.standard_normal(film.shape),
    "blurred .7": lambda rng, film: gaussian_filter(rng.standard_normal(film.shape), 0.7),
    "blurred 1.2": lambda rng, film: gaussian_filter(rng.standard_normal(film.shape), 1.2),
    "blurred 2": lambda rng, film: gaussian_filter(rng.standard_normal(film.shape), 2.0),
    "laplacian": lambda rng, film: rng.laplace(size=film.shape),
    "specks": _specks,
    "soft specks": lambda rng, film: gaussian_filter(_specks(rng, film), 0.8),
    "enlarged 1.7": lambda rng, film: _enlarged(rng, film, 1.7),
    "enlarged 3": lambda rng, film: _enlarged(rng, film, 3.0),
    "sideways": lambda rng, film: gaussian_filter(rng.standard_normal(film.shape), (0.4, 1.5)),
}


def grainy(film: Film, kind: str, amount: float, seed: int) -> Film:
    """The film with grain of a standard deviation of `amount` grey levels."""
    rng = np.random.default_rng(seed)
    if kind == "by signal":  # as of a film that few quanta have reached
        grain = _unit(rng.standard_normal(film.shape)) * np.sqrt(film / 128)
    elif kind == "jpeg":
        stream = io.BytesIO()
        white = film + amount * _unit(rng.standard_normal(film.shape))
        Image.fromarray(np.clip(white, 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=60)
        with Image.open(stream) as image:
            return np.asarray(image, dtype=np.float32)
    else:
        grain = _unit(GRAINS[kind](rng, film))
    return np.clip(film + amount * grain, 0, 255).astype(np.float32)


KINDS = (*GRAINS, "by signal", "jpeg")


def drawn_films(count: int) -> list[Film]:
    return [
        (255 * np.clip(draw_unclipped(seed, size=(224, 224))[0], 0, 1)).astype(np.float32)
        for seed in range(count)
    ]


def films_of(source: Path, count: int) -> list[Film]:
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() in {".png", ".jpg"})
    films = []
    for path in files[:: max(1, len(files) // count)][:count]:
        with Image.open(path) as image:
            films.append(np.asarray(image.convert("L"), dtype=np.float32))
    return films


def larger(film: Film, times: float, sideways: float = 1.0) -> Film:
    height, width = film.shape
    size = (round(width * times * sideways), round(height * times))
    resized: Film = np.clip(np.asarray(Image.fromarray(film).resize(size, Image.Resampling.BICUBIC)), 0, 255)
    return resized


def written(film: Film, text: str, size: int, ink: float, place: tuple[float, float]) -> tuple[Film, Film]:
    """Film with a writing, and how much of each pixel its ink covers."""
    height, width = film.shape
    font = ImageFont.load_default(size)
    right, bottom = font.getbbox(text)[2:]
    page = Image.new("L", (width, height))
    at = (round(place[0] * (width - right)), round(place[1] * (height - bottom)))
    ImageDraw.Draw(page).text(at, text, font=font, fill=255)
    cover = np.asarray(page, dtype=np.float32) / 255
    return film * (1 - cover) + np.float32(ink) * cover, cover


def writings(films: list[Film], count: int) -> Iterator[tuple[str, Film, Film, bool]]:
    """Group, film, cover and whether its ink stands out from what it is written on."""
    draw = random.Random(7)
    for number in range(count):
        film, group = (
            films[number % len(films)],
            ("clean", "large", "grain", "stretched", "beside")[number % 5],
        )
        text, size = draw.choice(WRITINGS), draw.choice(SIZES)
        ink, place = draw.choice(INKS), draw.choice(PLACES)
        if group in {"large", "grain", "beside"}:
            film = larger(film, 3)
        if group == "grain":
            film = grainy(film, draw.choice(KINDS), draw.choice((4, 8, 14, 20)), number)
        inked, cover = written(film, text, size, ink, place)
        if group == "beside":
            # a short word on the next line
            below = place[1] + (1.4 if place[1] < 0.9 else -1.4) * size / film.shape[0]
            inked, short = written(inked, draw.choice(("KV70", "hrs", "AP")), size, ink, (place[0], below))
            cover = np.maximum(cover, short)
        inside = cover > 0.5
        stands_out = bool(np.median(np.abs(inked - film)[inside]) > 50)
        if group == "stretched":
            sideways = draw.choice((0.6, 1.8, 2.4))
            inked, cover = larger(inked, 1.5, sideways), larger(255 * cover, 1.5, sideways) / 255
        yield group, inked, cover, stands_out


def as_bytes(film: Film) -> NDArray[np.uint8]:
    return np.rint(film).astype(np.uint8)


def mask_of(boxes: tuple[TextBox, ...], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, np.bool_)
    for box in boxes:
        mask[box.top : box.bottom, box.left : box.right] = True
    return mask


def dump(folder: Path | None, name: str, film: Film, boxes: tuple[TextBox, ...]) -> None:
    if folder is None:
        return
    image = Image.fromarray(as_bytes(film)).convert("RGB")
    for box in boxes:
        ImageDraw.Draw(image).rectangle((box.left, box.top, box.right - 1, box.bottom - 1), outline="red")
    image.save(folder / f"{name}.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, help="folder of films without text instead of drawn ones")
    parser.add_argument("--films", type=int, default=20)
    parser.add_argument("--writings", type=int, default=840)
    parser.add_argument("--words", action="store_true", help="read words, too")
    parser.add_argument("--dump", type=Path, help="folder for the pictures that went wrong")
    arguments = parser.parse_args()
    films = films_of(arguments.source, arguments.films) if arguments.source else drawn_films(arguments.films)
    if arguments.dump:
        arguments.dump.mkdir(parents=True, exist_ok=True)

    def found(film: Film) -> tuple[TextBox, ...]:
        grey = as_bytes(film)
        return united((*find_text(grey), *(find_words(grey) if arguments.words else ())))

    flagged: dict[str, Counter[int]] = defaultdict(Counter)
    area, searched, start = [], 0, time.perf_counter()
    for kind in KINDS:
        for amount in AMOUNTS:
            for number, film in enumerate(films):
                for times in (1, 3):
                    noisy = grainy(larger(film, times), kind, amount, 100 * number + times)
                    boxes = found(noisy)
                    searched += 1
                    if boxes:
                        flagged[kind][amount] += 1
                        area.append(mask_of(boxes, noisy.shape).mean())
                        dump(arguments.dump, f"{kind}-{amount}-{number}-x{times}", noisy, boxes)
    seconds = time.perf_counter() - start
    print(f"flagged of {2 * len(films)} at standard deviations of {AMOUNTS} grey levels")
    for kind in KINDS:
        print(f"  {kind:13s}" + "".join(f"{flagged[kind][amount]:5d}" for amount in AMOUNTS))
    share = sum(sum(of_kind.values()) for of_kind in flagged.values()) / max(1, searched)
    print(
        f"  together {share:.2%}; {np.mean(area or [0]):.1%} of a flagged film in frames, "
        f"{1000 * seconds / max(1, searched):.0f} ms a film"
    )
    told: dict[str, list[tuple[bool, float, float]]] = defaultdict(list)
    for number, (group, film, cover, stands_out) in enumerate(writings(films, arguments.writings)):
        boxes = found(film)
        mask, inked = mask_of(boxes, film.shape), cover > 0.5
        share = float(mask[inked].mean())
        columns = np.flatnonzero(inked.any(axis=0))
        width = float(mask.any(axis=0).sum() / (columns[-1] + 1 - columns[0]))
        told[group if stands_out else "faint"].append((share > 0.9, 1 - share, width))
        if stands_out and (share <= 0.9 or width > 1.5):
            dump(arguments.dump, f"writing-{group}-{number}-{share:.1f}", film, boxes)
    for group, of_group in told.items():
        hits = [one for one in of_group if one[0]]
        widths = [width for _, _, width in hits] or [0.0]
        parts = sum(not hit and kept < 0.99 for hit, kept, _ in of_group)
        print(
            f"  {group:10s} found {len(hits)} of {len(of_group)}, partly {parts}; width beside words: "
            f"median {np.median(widths):.2f}, nine tenths {np.quantile(widths, 0.9):.2f}"
        )


if __name__ == "__main__":
    main()
