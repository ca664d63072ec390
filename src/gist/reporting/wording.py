"""The report's sentences, built from the results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from gist import numerals
from gist.evaluation.copying import CopyingVerdict
from gist.evaluation.scores import NEAR_COPIES
from gist.pages.words import DIRECTIONS, OVERALL, joined
from gist.runs.findings import Findings
from gist.stages.evaluate import EvaluateResult, Score
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.train import TrainResult

ARCHITECTURES = {"stylegan3-t": "StyleGAN3-T", "stylegan3-r": "StyleGAN3-R", "stylegan2": "StyleGAN2"}

LIMITS_OF_SCORES = (
    (
        "Privacy.",
        "No score here shows that patients are protected. A generator can score well because it repeats its "
        "training images, and a passed distance test proves nothing.",
    ),
    (
        "Single images.",
        "Scores describe the whole set. A set that scores well can hold pictures with impossible anatomy.",
    ),
    (
        "Clinical use.",
        "Scores do not say whether a model trained on these images works on patients, or whether an expert "
        "takes them for real.",
    ),
    (
        "Other reports.",
        "Values compare only with values of the same fingerprint and the same number of images. None of them "
        "is FID unless its name says so.",
    ),
)


def summary(findings: Findings) -> list[str]:
    """Plain sentences that tell the run from its results; one per finished stage, scores last."""
    sentences = []
    if findings.prepare is not None:
        sentences.extend(_what_went_in(findings.prepare, findings.phantoms))
    if findings.train is not None:
        sentences.append(_what_was_trained(findings.train))
    if findings.generate is not None:
        sentences.append(_what_came_out(findings.generate))
    if findings.evaluate is not None:
        sentences.extend(_what_scores_say(findings.evaluate))
    return sentences


def out_of_date(findings: Findings) -> list[str]:
    """A sentence for each stage whose results describe what has been made anew since."""
    return [
        f"The stage “{stage}” was finished before “{upstream}” was done again; what is said here of “{stage}” "
        "describes the earlier state."
        for stage, upstream in findings.outdated
    ]


def caveat(findings: Findings, copying: CopyingVerdict | None) -> str:
    """The one thing a reader must know before using the images."""
    evaluate, prepare = findings.evaluate, findings.prepare
    if findings.generate is None:
        return "No synthetic images were drawn yet, so this page says nothing about their quality."
    if evaluate is None:
        return (
            "The synthetic images have not been compared with real ones: nothing is known of their quality."
        )
    if copying is not None and copying.outcome == "evidence of copying":
        return (
            "There is evidence of copying: treat the synthetic images like the real ones, and share neither "
            "them nor the generator outside the circle that may see the originals."
        )
    quality = [score for score in evaluate.scores if score.name != NEAR_COPIES]
    poor = [score for score in quality if score.group == OVERALL and score.verdict == "poor"]
    if poor:
        return (
            f"{', '.join(dict.fromkeys(score.name for score in poor))} "
            f"{'reads' if len(poor) == 1 else 'read'} poor: the synthetic images differ measurably from real "
            "ones and should not stand in for them."
        )
    if quality and all(score.verdict == "unknown" for score in quality):
        return "There are too few images to tell how good the synthetic ones are; no score below is a pass."
    if prepare is not None and prepare.patients is None:
        return (
            "The patients are not known, so images of one patient may be among both the training and the "
            "held-out images, which flatters every score."
        )
    if prepare is not None and prepare.upsampled:
        return (
            f"{numerals.counted(prepare.upsampled, 'real image was', 'real images were')} enlarged to fit, "
            "and the generator learns that blur too."
        )
    return (
        "Good scores do not make synthetic images private or clinically valid: a passed distance test proves "
        "nothing, and no expert has judged these pictures yet."
    )


def verdict_counts(scores: Sequence[Score]) -> str:
    """Such as `2 read good and 1 cannot be told for lack of images`."""
    found = Counter[str](score.verdict for score in scores)
    parts = [
        f"{found[verdict]} {'reads' if found[verdict] == 1 else 'read'} {verdict}"
        for verdict in ("good", "fair", "poor")
        if found[verdict]
    ]
    if found["unknown"]:
        parts.append(f"{found['unknown']} cannot be told for lack of images")
    return joined(parts)


def architecture(train: TrainResult) -> str:
    """The generator's name as papers write it."""
    name = str(train.settings.get("architecture", ""))
    return ARCHITECTURES.get(name, name or "StyleGAN")


def _what_went_in(prepare: PrepareResult, phantoms: bool) -> list[str]:
    total = prepare.train_images + prepare.test_images
    classes = (
        f" of {numerals.counted(len(prepare.class_names), 'class', 'classes')}" if prepare.class_names else ""
    )
    patients = (
        f" from {numerals.counted(prepare.patients, 'invented patient' if phantoms else 'patient')}"
        if prepare.patients is not None
        else ""
    )
    split = (
        f"{numerals.count(prepare.train_images)} to learn from and {numerals.count(prepare.test_images)} "
        "held out, which the generator never saw"
        if prepare.test_images
        else "all of them to learn from, none held out"
    )
    what = numerals.counted(total, "phantom" if phantoms else "real radiograph")
    drawn = ", all drawn by gist," if phantoms else ""
    sentences = [f"{what}{classes}{patients}{drawn} went in: {split}."]
    set_aside = sum(prepare.rejected.values())
    if set_aside:
        sentences.append(f"{numerals.counted(set_aside, 'more file was', 'more files were')} set aside.")
    return sentences


def _what_was_trained(train: TrainResult) -> str:
    shown = numerals.counted(round(1000 * train.kimg), "image")
    return (
        f"A {architecture(train)} generator learned from them for {numerals.duration(train.seconds)} on "
        f"{'the CPU' if train.device.startswith('cpu') else 'a GPU'}, seeing {shown} (repeats counted)."
    )


def _what_came_out(generate: GenerateResult) -> str:
    return f"It then drew {numerals.counted(generate.images, 'synthetic image')}."


def _what_scores_say(evaluate: EvaluateResult) -> list[str]:
    quality = [score for score in evaluate.scores if score.name != NEAR_COPIES]
    overall = [score for score in quality if score.group == OVERALL] or quality
    if not overall:
        return ["No score could be computed."]
    sentences = [f"Of {numerals.counted(len(overall), 'overall score')}, {verdict_counts(overall)}."]
    leading = next((score for score in overall if score.name.startswith("KID")), overall[0])
    if leading.value is not None:
        value, low, high, real = numerals.together(leading.value, leading.low, leading.high, leading.baseline)
        interval = f" (95 % interval {low} to {high})" if low and high else ""
        baseline = f"; real images against other real images give {real}" if real else ""
        sentences.append(
            f"The leading one, {leading.name}, is {value}{interval}, "
            f"where {DIRECTIONS[leading.better]}{baseline}."
        )
    return sentences
