"""What an evaluation answers to the questions with which the report opens, and what it suggests to do next."""

from __future__ import annotations

from gist import numerals
from gist.evaluation.copying import copying_verdict
from gist.inspection import read_inspection
from gist.pages.section import Answer, Step
from gist.pages.words import COPIES, FIT_FOR, OVERALL, STAND_IN, classes, joined
from gist.runs.findings import Findings
from gist.stages.evaluate import EvaluateResult, Score
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult

FAILINGS = {
    "KID": "as a whole they differ measurably from real ones",
    "relative FD": "as a whole they differ measurably from real ones",
    "FD": "as a whole they differ measurably from real ones",
    "FID": "as a whole they differ measurably from real ones",
    "precision": "single images do not look real",
    "recall": "they lack the variety of real ones",
    "density": "single images do not look real",
    "coverage": "they lack the variety of real ones",
    "diversity": "they do not vary as real ones do",
    **{f"octave {number}": "their detail is weaker or stronger than in real ones" for number in (1, 2, 3, 4)},
}
"""What it means that a score reads poor. Other scores, which compare with papers, answer nothing."""
DECISIVE = ("KID", "relative FD", "precision", "recall")
NOT_DRAWN = ": no synthetic images were drawn yet."
NOT_COMPARED = ": nobody has compared them with real images yet."
OUT_OF_DATE = ": they, or the real images, are others now than those that were compared."


def evaluation_answers(findings: Findings) -> tuple[Answer, ...]:
    """Whether the images may stand in for real ones, and whether they are copies."""
    evaluated = findings.of(EvaluateResult)
    in_the_way = _in_the_way(findings)
    if evaluated is None or in_the_way:
        return (
            Answer(STAND_IN, "Cannot tell", in_the_way, 40),
            Answer(COPIES, "Cannot tell", in_the_way),
        )
    return _stand_in(evaluated), _copies(evaluated)


def evaluation_steps(findings: Findings) -> tuple[Step, ...]:
    """Compare, compare more, keep copies to oneself, let a reader look."""
    evaluated = findings.of(EvaluateResult)
    if evaluated is None or not findings.is_current("evaluate"):
        drawn = findings.of(GenerateResult) is not None
        return (Step(100, "Compare the images with held-out real ones: “gist evaluate”."),) if drawn else ()
    steps = []
    if _copies(evaluated).reply == "Yes":
        steps.append(
            Step(
                80,
                "Look at the pairs under “Nearest neighbours”, share neither images nor network, and train again with "
                "more images.",
            )
        )
    if _stand_in(evaluated).reply == "Cannot tell":
        steps.append(Step(70, _more_images(findings)))
    if read_inspection(findings.run) is None:
        steps.append(
            Step(20, "Let a reader look at single images, blind: “gist inspect”. No score knows anatomy.")
        )
    return tuple(steps)


def _in_the_way(findings: Findings) -> str:
    if findings.of(GenerateResult) is None:
        return NOT_DRAWN
    if findings.of(EvaluateResult) is None:
        return NOT_COMPARED
    return "" if findings.is_current("evaluate") else OUT_OF_DATE


def _stand_in(evaluated: EvaluateResult) -> Answer:
    judged = {kind: score for score in evaluated.scores if (kind := _kind(score)) and score.group == OVERALL}
    failings = [FAILINGS[kind] for kind, score in judged.items() if score.verdict == "poor"]
    artifacts = evaluated.artifacts
    if artifacts is not None and artifacts.verdict == "poor":
        odd = numerals.percent(artifacts.odd_share)
        failings.append(f"{odd} of them look odder than nearly all real ones")
    failing = dict.fromkeys(
        score.group for score in evaluated.scores if _kind(score) in DECISIVE and score.verdict == "poor"
    )
    if not failings and failing:
        failings = [f"those of {classes(failing)} do not look like real ones"]
    if failings:
        why = joined(list(dict.fromkeys(failings)))
        return Answer(STAND_IN, "No", f": {why}. {FIT_FOR}", 60)
    decisive = [judged[kind] for kind in DECISIVE if kind in judged]
    if not decisive or any(score.verdict == "unknown" for score in decisive):
        return Answer(
            STAND_IN, "Cannot tell", f": {_compared(decisive)} are too few; no score is a pass.", 40
        )
    if all(score.verdict == "good" for score in decisive):
        return Answer(
            STAND_IN,
            "Yes",
            f", for developing and trying out methods: with {_compared(decisive)} no more than a slight difference "
            "from real ones can be seen. Not for diagnosis, and not as the images that a result is tested on.",
            20,
        )
    if any(score.p_value is not None and score.p_value <= 0.05 for score in decisive):
        why = ": a difference from real ones shows, though a small one. Try out methods with them, and test these on "
        return Answer(STAND_IN, "No", f"{why}real images.", 60)
    why = f": with {_compared(decisive)} a difference from real ones may stay unseen."
    return Answer(STAND_IN, "Cannot tell", why, 40)


def _copies(evaluated: EvaluateResult) -> Answer:
    found = copying_verdict(evaluated)
    if found is None:
        return Answer(COPIES, "Cannot tell", ": there were too few training images to search for copies.")
    searched = numerals.counted(found.images, "synthetic image")
    match found.outcome:
        case "evidence of copying" if found.identical:
            rest = (
                f": {numerals.count(found.identical)} of {searched} cannot be told from a training image. Treat all as "
                "patients’ images."
            )
            return Answer(COPIES, "Yes", rest, 80)
        case "evidence of copying":
            rest = f", likely: too many of {searched} lie close to a training image. Treat all as patients’ images."
            return Answer(COPIES, "Yes", rest, 80)
        case "none detected by this check":
            return Answer(
                COPIES,
                "No",
                f" sign of it among {searched}. That does not prove that there is none: the search sees coarse "
                "structure only.",
            )
        case "not settled":
            rest = (
                f": more of {searched} lie close to a training image than chance explains. Look at the pairs."
            )
            return Answer(COPIES, "Cannot tell", rest, 40)
        case "too few images to tell":
            return Answer(
                COPIES, "Cannot tell", f": {searched}, or the held-out ones, are too few to search."
            )
    return Answer(COPIES, "Cannot tell", ": an earlier version searched among a few images only.")


def _more_images(findings: Findings) -> str:
    generated, prepared = findings.of(GenerateResult), findings.of(PrepareResult)
    if generated is None or prepared is None or generated.images >= prepared.test_images:
        return "Collect more real images and hold more of them out: with these nothing can be told."
    held_out = numerals.count(prepared.test_images)
    return (
        f"Draw at least {held_out} images (generate.count), as many as are held out: fewer cannot be judged."
    )


def _kind(score: Score) -> str | None:
    kind = score.name.partition("[")[0]
    return kind if kind in FAILINGS else None


def _compared(decisive: list[Score]) -> str:
    images = max((score.n_synthetic for score in decisive), default=0)
    return f"{numerals.counted(images, 'image')} on each side"
