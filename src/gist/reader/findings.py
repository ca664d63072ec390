"""What came of a study as pages show it: tables of numbers, and the pictures that were given away."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from gist import numerals
from gist.images.png import Pixels, decode_png
from gist.images.sheets import as_bytes
from gist.pages.html import html
from gist.pages.pictures import SYNTHETIC_TEXT, Picture, at_most, picture
from gist.reader.result import Cue, KappaResult, Performance, Score
from gist.reader.study.folder import KEY_FILE, Study
from gist.reader.tables import Truth, read_key

SHOWN_CUES, SHOWN_IMAGES, ROOM = 5, 4, 160
MEASURES = {
    "accuracy": "Right answers",
    "sensitivity": "Synthetic images called synthetic",
    "specificity": "Real images called real",
    "precision": "Synthetic among those called synthetic",
    "auc": "Area under the curve, from confidence",
    "d_prime": "d'",
    "criterion": "Criterion",
}
OF_PAIRS = {
    "sensitivity": "Right where the real image was on the right",
    "specificity": "Right where it was on the left",
    "precision": "Right when the right one was chosen",
}


@dataclass(frozen=True)
class ShownCue:
    """A cue with synthetic images on which it was ticked."""

    name: str
    cue: Cue
    pictures: tuple[Picture, ...]


def results(folder: Path, study: Study, score: Score) -> Markup:
    """The part of a page on what was found."""
    return html(
        "gist.reader/results.html.j2",
        score=score,
        pairs=study.kind == "pairs",
        measures=[
            (label, *_shown(score, name))
            for name, label in (MEASURES | (OF_PAIRS if study.kind == "pairs" else {})).items()
            if getattr(score, name) is not None
        ],
        readers=[(reader, _shown(reader, "accuracy")[1]) for reader in score.readers],
        kappas=_kappas(score),
        cues=_cues(folder, study, score),
        interval=_interval,
        fixed=numerals.fixed,
    )


def _shown(found: Performance, name: str) -> tuple[str, str]:
    """A measure and its interval as text."""
    value, bounds = getattr(found, name), found.intervals.get(name)
    return numerals.fixed(value, 3), "" if bounds is None else _interval(*bounds)


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{numerals.fixed(low, 3)} to {numerals.fixed(high, 3)}"


def _kappas(score: Score) -> list[tuple[str, KappaResult]]:
    found = score.kappas
    together = [] if found.fleiss is None else [("All readers (Fleiss)", found.fleiss)]
    two = [
        (" and ".join(each.readers), each) for each in found.cohen if len(score.readers) > 2 or not together
    ]
    return [
        *together,
        *two,
        *((f"{each.readers[0]} with a second reading", each) for each in found.with_self),
    ]


def _cues(folder: Path, study: Study, score: Score) -> list[ShownCue]:
    """Those ticked most, with synthetic images only: what a reader saw in a real one is no fault of the generator."""
    key = read_key(folder / KEY_FILE) if (folder / KEY_FILE).is_file() else {}
    return [
        ShownCue(
            study.cues[cue.name][0] if cue.name in study.cues else cue.name, cue, _pictures(folder, key, cue)
        )
        for cue in score.cues[:SHOWN_CUES]
    ]


def _pictures(folder: Path, key: dict[str, Truth], cue: Cue) -> tuple[Picture, ...]:
    files = {"synthetic": "", "left": "-right", "right": "-left"}
    shown = [
        folder / "images" / f"{image}{files[key[image].truth]}.png"
        for image in cue.images
        if image in key and key[image].truth in files
    ]
    images = [image for file in shown[:SHOWN_IMAGES] if (image := _image(file)) is not None]
    return tuple(picture(at_most(as_bytes(image), ROOM), SYNTHETIC_TEXT, ROOM) for image in images)


def _image(file: Path) -> Pixels | None:
    """None where it is gone or damaged, which takes nothing from the score."""
    try:
        return decode_png(file.read_bytes())
    except (OSError, ValueError):
        return None
