"""A checklist in the order of CLAIM, with what the run knows of each item; the rest is for its authors.

Numbers are those of the Checklist for Artificial Intelligence in Medical Imaging, 2024 update (Tejani et al. 2024,
doi:10.1148/ryai.240300); the words are ours.
"""

from __future__ import annotations

from gist import numerals
from gist.evaluation.page import LIMITS_OF_SCORES
from gist.generation.page import last_seed
from gist.pages.html import markdown
from gist.runs.findings import Findings
from gist.stages.evaluate import EvaluateResult
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.privacy import PrivacyResult
from gist.stages.promise import Result
from gist.stages.train import TrainResult
from gist.stages.utility import UtilityResult
from gist.training.page import generator_title, started_from
from gist.version import __version__


class Item(Result):
    """One item."""

    number: int
    name: str
    told: str | None = None
    """None where only the authors know."""


ITEMS = (
    "Title or abstract says that AI is studied", "Structured abstract", "Background and intended use", "Objectives",
    "Prospective or retrospective", "Goal of the study", "Sources of the data", "Inclusion and exclusion",
    "Preprocessing", "Selection of parts of images", "De-identification", "Missing data", "Acquisition of images",
    "Reference standard", "Why this reference standard", "Who annotated", "How the test set was annotated",
    "Agreement of annotators", "Partitions of the data", "Level at which partitions are apart", "Sample size",
    "The model", "Software", "Start of the parameters", "Training", "Choice of the final model",
    "Ensembles", "Measures of performance", "Uncertainty and tests", "Robustness", "Explainability",
    "Test on data of the same source", "Test on data of another source", "Registration", "Flow of images",
    "Whom the images show", "Results", "Results with uncertainty", "Failures", "Limitations", "What follows",
    "Full protocol", "Access to software, network and data", "Funding",
)  # fmt: skip


def checklist(findings: Findings, licence: str | None) -> tuple[Item, ...]:
    """All items, each with what the run tells of it."""
    told = _told(findings, licence)
    return tuple(
        Item(number=number, name=name, told=told.get(number)) for number, name in enumerate(ITEMS, start=1)
    )


def checklist_card(items: tuple[Item, ...], title: str) -> str:
    """The checklist as Markdown."""
    return markdown("gist.releasing/checklist.md.j2", items=items, title=title)


def _told(findings: Findings, licence: str | None) -> dict[int, str]:
    told = {42: "Settings of every stage stand in the run’s report.", 23: f"GIST {__version__}."}
    for part in (_of_data, _of_training, _of_images, _of_scores):
        told |= part(findings)
    if licence:
        told[43] = f"GIST is open source; this package: {licence}."
    return told


def _of_data(findings: Findings) -> dict[int, str]:
    prepared = findings.of(PrepareResult)
    if prepared is None:
        return {}
    settings = findings.records["prepare"].settings
    aside = ", ".join(f"{count:,} {reason}" for reason, count in prepared.rejected.items()) or "none"
    total = prepared.train_images + prepared.val_images + prepared.test_images
    known = prepared.patients is not None
    told = {
        8: f"Files set aside: {aside}.",
        9: f"Square of {prepared.resolution} x {prepared.resolution} pixels, {settings.get('bits', 8)} bits, fit by "
        f"{settings.get('fit', 'pad')}; grey window: {settings.get('window', 'auto')}.",
        11: "Pictures only were taken from the files; tags, names and file names stayed behind. Text in the pixels: "
        f"looked for by {prepared.text_search}."
        if prepared.text_search != "none"
        else "Pictures only were taken from the files; text in the pixels was not looked for.",
        12: "Files without a readable picture or without a class were set aside; nothing was imputed.",
        19: f"{prepared.train_images:,} images to learn from, {prepared.val_images:,} for choosing, "
        f"{prepared.test_images:,} held out.",
        20: f"Patient ({prepared.patients:,})." if known else "Image; patients are not known.",
        21: f"As many as there were: {total:,}.",
        35: f"{total:,} images taken, {sum(prepared.rejected.values()):,} files set aside.",
    }
    if findings.phantoms:
        told |= {
            7: "Phantoms drawn by gist; nobody was X-rayed.",
            13: "None; drawn.",
            36: "Nobody.",
        }
    return told


def _of_training(findings: Findings) -> dict[int, str]:
    trained = findings.of(TrainResult)
    if trained is None:
        return {}
    start = started_from(findings)
    return {
        22: f"{generator_title(trained)}, {trained.resolution} x {trained.resolution} pixels.",
        24: f"From the network {start}." if start else "Random.",
        25: f"{numerals.count(round(1000 * trained.kimg))} images shown (repeats counted) in "
        f"{numerals.duration(trained.seconds)} on {trained.device_reason}.",
        27: "One network; its weights are a moving average over the training.",
    }


def _of_images(findings: Findings) -> dict[int, str]:
    generated = findings.of(GenerateResult)
    if generated is None or generated.made_elsewhere:
        return {}
    chosen = findings.config.generate.network
    network = {"latest": "The last of the training", "best": "The best by KID"}.get(
        str(chosen), "Named by the user"
    )
    return {26: f"{network}; images of seeds {generated.first_seed:,} to {last_seed(generated):,}."}


def _of_scores(findings: Findings) -> dict[int, str]:
    evaluated, audited = findings.of(EvaluateResult), findings.of(PrivacyResult)
    told = {40: " ".join(f"{name} {text}" for name, text in LIMITS_OF_SCORES)}
    if evaluated is not None:
        told |= {
            14: "Real images, held out.",
            28: "KID, Frechet distance, precision, recall and others; see the data card.",
            29: "95 % intervals by resampling, and the same scores between real images.",
            32: f"{evaluated.held_out_images:,} held-out images."
            if evaluated.held_out_images
            else "See the data card.",
            37: "See scorecard.html and the data card.",
            38: "See scorecard.html and the data card.",
        }
        if evaluated.artifacts is not None:
            told[39] = evaluated.artifacts.meaning
    if audited is not None:
        told[30] = f"Memorisation audit: {audited.verdict}. {audited.meaning}"
    if findings.of(UtilityResult) is not None:
        told[28] = f"{told.get(28, '')} GAN-train and GAN-test.".strip()
    return told
