"""The protocol of a study: what was planned before and what was found, in the order of CLAIM and STARD-AI."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from gist import numerals
from gist.pages.html import embedded, html
from gist.reader.findings import results
from gist.reader.planning import Design
from gist.reader.result import Score
from gist.reader.study.folder import Study
from gist.reader.tables import WORDS


@dataclass(frozen=True)
class Item:
    """One line of the protocol."""

    name: str
    planned: str
    found: str = ""


def protocol(folder: Path, study: Study, score: Score) -> Markup:
    """A page that prints well."""
    return html(
        "gist.reader/protocol.html.j2",
        title="Blind reader test of synthetic images",
        style=embedded("gist.pages/page.css"),
        created=study.created[:10],
        parts=_parts(study, score),
        results=results(folder, study, score),
    )


def _parts(study: Study, score: Score) -> list[tuple[str, list[Item]]]:
    """Headings of CLAIM (2024) and STARD-AI, each with its items."""
    noun = "pair" if study.kind == "pairs" else "image"
    finished = sum(reader.answered == study.images for reader in score.readers)
    answers = " or ".join(sorted(WORDS[study.kind]))
    margin, level = f"{100 * study.margin:g} points", study.planned.get("alpha", 0.05)
    reference = "synthetic: drawn by the run’s generator; real: held-out images"
    return [
        (
            "Introduction",
            [
                Item(
                    "Objective",
                    "whether readers tell synthetic images from real ones, and whether they are within "
                    f"{margin} of guessing",
                    score.sentence,
                )
            ],
        ),
        (
            "Methods: data and reference standard",
            [
                Item(
                    "Study design",
                    "prospective, fully crossed: each reader sees all images, blind to the truth",
                ),
                Item(
                    "Data",
                    f"{numerals.counted(study.images, noun)} of {study.side} x {study.side} pixels and {study.bits} "
                    "bits; real ones from the part of the data that the generator never saw",
                ),
                Item(
                    "Partition by patient",
                    "no patient of the test was in the training set"
                    if study.patients_known
                    else "patients were not named in the data, so that this could not be checked",
                ),
                Item(
                    "Excluded",
                    f"{numerals.counted(study.left_out, 'held-out image')} that may show text in the picture",
                ),
                Item("De-identification", "pictures carry a random name, no metadata and no source"),
                Item(
                    "Reference standard",
                    f"known by construction ({reference}); sealed before the first answer",
                ),
                Item("Marks in the pixels", f"watermark on {study.watermarked} of the two sides"),
            ],
        ),
        (
            "Methods: readers and reading",
            [
                Item(
                    "Readers",
                    numerals.counted(len(study.readers), "reader"),
                    f"{numerals.counted(len(score.readers), 'reader')} answered, {finished} of them all",
                ),
                Item(
                    "Training of readers",
                    f"{numerals.counted(study.reference_images, 'image')} shown with the truth beforehand, none of "
                    "them tested",
                ),
                Item(
                    "Question",
                    f"{answers}, with confidence from 1 to 5"
                    + ("; the class, too" if study.asks_class else ""),
                ),
                Item("Order", "random, another one for each reader"),
                Item(
                    "Repeats",
                    f"{numerals.counted(study.repeats, noun)} shown to each reader again",
                    f"{numerals.counted(sum(each.images for each in score.kappas.with_self), 'second reading')} scored",
                ),
            ],
        ),
        (
            "Methods: statistics",
            [
                Item("Sample size", Design(len(study.readers), study.images).in_words(0.6, study.margin)),
                Item(
                    "Difference from chance",
                    f"two-sided at {level:g}; exact binomial test for one reader, Obuchowski-Rockette with readers "
                    "and images random for several",
                    f"p = {numerals.significant(score.p_value)}",
                ),
                Item(
                    "Equivalence",
                    f"two one-sided tests at 0.05 with a margin of {margin}",
                    f"p = {numerals.significant(score.equivalence.p_value)}: "
                    f"{'shown' if score.equivalence.shown else 'not shown'}",
                ),
                Item(
                    "Missing answers",
                    "left out, never imputed; for readers in general, images that all of them answered",
                    f"{numerals.count(sum(reader.of - reader.answered for reader in score.readers))} missing",
                ),
            ],
        ),
        (
            "Discussion",
            [
                Item(
                    "Limitations",
                    "a reader test sees neither lost diversity nor copies of patients, and says nothing of diagnosis",
                    " ".join(score.notes),
                )
            ],
        ),
        (
            "Other information",
            [
                Item(
                    "Registered",
                    f"{study.created}, with the SHA-256 of the sealed key {study.key_sha256}",
                    "the same key",
                ),
                Item("Digest of this plan", study.study, "unchanged"),
            ],
        ),
    ]
