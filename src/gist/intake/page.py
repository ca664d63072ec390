"""The report's part on prepare: what went in."""

from __future__ import annotations

from gist import numerals
from gist.pages.html import html
from gist.pages.section import Caveat, Section, StagePage, Step
from gist.runs.findings import Findings
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult

HOLD_OUT = Step(
    90, "Hold images out (prepare.test_fraction): without some that the generator never saw no score is fair."
)


def prepare_page(findings: Findings) -> StagePage:
    """Classes, files set aside and notes; nothing where prepare has not finished."""
    prepared = findings.of(PrepareResult)
    if prepared is None:
        return StagePage()
    generated = findings.of(GenerateResult)
    body = html("gist.intake/page.html.j2", prepare=prepared, phantoms=findings.phantoms)
    return StagePage(
        summary=_summary(prepared, findings.phantoms, generated is not None and generated.made_elsewhere),
        caveats=_caveats(prepared),
        steps=() if prepared.test_images else (HOLD_OUT,),
        sections=(Section("input", "What went in", body),),
        provenance=html("gist.intake/provenance.html.j2", prepare=prepared),
    )


def _summary(prepared: PrepareResult, phantoms: bool, made_elsewhere: bool) -> tuple[str, ...]:
    total = prepared.train_images + prepared.test_images
    classes = (
        f" of {numerals.counted(len(prepared.class_names), 'class', 'classes')}"
        if prepared.class_names
        else ""
    )
    patients = (
        f" from {numerals.counted(prepared.patients, 'invented patient' if phantoms else 'patient')}"
        if prepared.patients is not None
        else ""
    )
    split = (
        f"{numerals.count(prepared.train_images)} to learn from and {numerals.count(prepared.test_images)} "
        f"held out{'' if made_elsewhere else ', which the generator never saw'}"
        if prepared.test_images
        else "all of them to learn from, none held out"
    )
    what = numerals.counted(total, "phantom" if phantoms else f"real {prepared.kind}")
    drawn = ", all drawn by gist," if phantoms else ""
    sentence = f"{what}{classes}{patients}{drawn} went in: {split}."
    set_aside = sum(prepared.rejected.values())
    if not set_aside:
        return (sentence,)
    return sentence, f"{numerals.counted(set_aside, 'more file was', 'more files were')} set aside."


def _caveats(prepared: PrepareResult) -> tuple[Caveat, ...]:
    found = []
    if prepared.patients is None:
        found.append(
            Caveat(
                20,
                "The patients are not known, so images of one patient may be among both the training and the "
                "held-out images, which flatters every score.",
            )
        )
    if prepared.upsampled:
        enlarged = numerals.counted(prepared.upsampled, "real image was", "real images were")
        found.append(Caveat(19, f"{enlarged} enlarged to fit, and the generator learns that blur too."))
    return tuple(found)
