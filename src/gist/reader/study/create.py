"""A study made of a run's held-out and synthetic images, written so that only the pictures can tell them apart."""

from __future__ import annotations

import csv
import io
import secrets
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from gist.errors import InputError
from gist.files import sha256_of, write_atomic, write_json
from gist.images.png import Pixels, encode_stored_png
from gist.inspection.kinds import OTHER, OTHER_KIND, kinds_to_ask
from gist.marking.watermark import embed
from gist.reader.study.draw import Match, Sides, draw, read_sides
from gist.reader.study.folder import KEY_FILE, READER_NAME, TOKENS_FILE, Kind, Reference, Study, write_study
from gist.runs.folder import RunFolder

TEXTURE = ("Texture", "grain, noise or trabeculae unlike those of a detector and of bone")


def create_study(
    run: RunFolder,
    folder: Path,
    *,
    images: int = 50,
    reference_images: int = 20,
    repeats: int | None = None,
    readers: Sequence[str] = ("reader-1",),
    kind: Kind = "single",
    asks_class: bool = False,
    margin: float = 0.1,
    seed: int = 0,
) -> Study:
    """Writes a study into a new folder, which appears when all is in it.

    Args:
        images: real ones of the test, and as many synthetic ones; with kind "pairs" so many pairs.
        reference_images: shown with their truth before the test, half of them real; none of them is tested.
        repeats: images or pairs that each reader sees twice; one in five where not said.
        readers: names, which stand in the answers.
        margin: around an accuracy of 1/2, within which it counts as equivalent to guessing.
        seed: of the choice of images and of each reader's order; names are drawn from the system.

    Raises:
        InputError: the run cannot be tested so, a number does not fit, or the folder is not empty.
    """
    tested = images if kind == "pairs" else 2 * images
    repeats = tested // 5 if repeats is None else repeats
    _check(folder, tested, reference_images, repeats, readers, margin)
    sides = read_sides(run)
    classes = tuple(name for name in sides.class_names if name)
    if asks_class and len(classes) < 2:
        raise InputError(
            f"The images of {run.path} have fewer than two classes to ask for; leave out --ask-class."
        )
    draws = np.random.default_rng(seed)
    matches, shown_matches = draw(sides, (images, reference_images // 2), draws)
    pool = _Pictures(sides)
    unfinished = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "answers").mkdir(parents=True)
    key, pictures = _test(pool, matches, kind, draws)
    references, shown = _references(pool, shown_matches)
    # In the order of their names, so that no time and no place on the disk follows the truth.
    for file, image in sorted({**pictures, **shown}.items()):
        write_atomic(unfinished / file, encode_stored_png(image))
    write_atomic(unfinished / KEY_FILE, _table(key))
    (unfinished / KEY_FILE).chmod(0o600)
    write_json(unfinished / TOKENS_FILE, {reader: secrets.token_urlsafe(24) for reader in readers})
    (unfinished / TOKENS_FILE).chmod(0o600)
    study = Study(
        kind=kind,
        asks_class=asks_class,
        margin=margin,
        planned={"alpha": 0.05, "readers": len(readers), "answers_per_reader": len(key) + repeats},
        images=len(key),
        repeats=repeats,
        readers=tuple(readers),
        reference_images=len(references),
        key_sha256=sha256_of(unfinished / KEY_FILE),
        watermarked="neither" if sides.watermark is None else "both",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        side=sides.real.resolution,
        bits=pool.bits,
        class_names=classes,
        cues=kinds_to_ask(sides.body_part, None) | {"texture": TEXTURE, OTHER: OTHER_KIND},
        order_seed=seed,
        tested=tuple(sorted(row[0] for row in key)),
        references=tuple(references),
        patients_known=sides.patients_known,
        left_out=len(sides.real) - len(sides.usable),
    )
    write_study(unfinished, study)
    unfinished.rename(folder)
    return study.sealed()


class _Pictures:
    """Images at the smaller depth of the two sides, both with the watermark of the synthetic ones or both without."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        deep = all(data.image(0).dtype == np.uint16 for data in (sides.real, sides.synthetic))
        self.bits: int = 16 if deep else 8

    def both(self, real: int, synthetic: int) -> tuple[Pixels, Pixels]:
        one = self.sides.real.image(real)
        if self.sides.watermark is not None:
            one = embed(one, self.sides.watermark)
        return self._at_depth(one), self._at_depth(self.sides.synthetic.image(synthetic))

    def _at_depth(self, image: Pixels) -> Pixels:
        return (image >> 8).astype(np.uint8) if 8 * image.itemsize > self.bits else image


def _test(
    pool: _Pictures, matches: Sequence[Match], kind: Kind, draws: np.random.Generator
) -> tuple[list[tuple[str, str, str]], dict[str, Pixels]]:
    """Rows of the key, and the tested pictures by file."""
    key: list[tuple[str, str, str]] = []
    pictures: dict[str, Pixels] = {}
    for name, *match in matches:
        real, synthetic = pool.both(*match)
        if kind == "pairs":
            pair = secrets.token_hex(8)
            side, other = ("left", "right") if draws.integers(2) else ("right", "left")
            key.append((pair, side, name))
            pictures |= {f"images/{pair}-{side}.png": real, f"images/{pair}-{other}.png": synthetic}
            continue
        for truth, image in (("real", real), ("synthetic", synthetic)):
            key.append((one := secrets.token_hex(8), truth, name))
            pictures[f"images/{one}.png"] = image
    return sorted(key), pictures


def _references(pool: _Pictures, matches: Sequence[Match]) -> tuple[list[Reference], dict[str, Pixels]]:
    references: list[Reference] = []
    pictures: dict[str, Pixels] = {}
    for name, *match in matches:
        for truth, image in zip(("real", "synthetic"), pool.both(*match), strict=True):
            one = Reference.model_validate(
                {"image": secrets.token_hex(8), "truth": truth, "class_name": name}
            )
            references.append(one)
            pictures[f"reference/{one.image}.png"] = image
    return references, pictures


def _table(key: Sequence[tuple[str, str, str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([("image", "truth", "class"), *key])
    return text.getvalue().encode()


def _check(
    folder: Path, tested: int, reference: int, repeats: int, readers: Sequence[str], margin: float
) -> None:
    wrong = [reader for reader in readers if not READER_NAME.fullmatch(reader)]
    if folder.exists():
        raise InputError(f"{folder} exists; name another study, so that nothing is mixed.")
    if wrong or not readers or len({reader.casefold() for reader in readers}) < len(readers):
        raise InputError(
            "Readers need different names of letters, digits, dot, dash and underscore; give such names, as in "
            "--readers reader-1,reader-2."
        )
    if tested < 1 or reference < 0 or reference % 2:
        raise InputError(
            "A study needs at least one image of each side and an even number of reference images."
        )
    if not 0 <= repeats <= tested // 2:
        raise InputError(
            f"At most half of {tested} images can be shown twice; ask for {tested // 2} repeats or fewer."
        )
    if not 0 < margin < 0.5:
        raise InputError("The margin around chance must lie between 0 and 0.5, such as 0.1.")
