"""A run held against a policy."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from gist import numerals
from gist.errors import InputError
from gist.release.policy import Policy
from gist.runs.findings import Findings
from gist.runs.patients import NO_PATIENT, read_patients
from gist.runs.standing import standings
from gist.runs.text_flags import TABLE
from gist.stages.evaluate import EvaluateResult
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.privacy import PrivacyResult
from gist.stages.promise import Result

SHARE = 0.01
"""Of planted copies among the images, at which the audit's power is asked for."""


class Rule(Result):
    """One rule of the policy, and whether the run keeps it."""

    name: str
    holds: bool
    said: str
    """What was found; where the rule does not hold, with what to do."""


def held_against(findings: Findings, policy: Policy, licence: str | None, signed: bool) -> list[Rule]:
    """Every rule that the policy asks for."""
    return [
        Rule(name=name, holds=holds, said=said)
        for name, asked, (holds, said) in (
            ("up to date", True, _up_to_date(findings)),
            ("least_images", True, _enough(findings, policy)),
            ("licence", policy.licence, _licence(licence)),
            ("audited", policy.audited, _audited(findings)),
            ("verdicts", bool(policy.verdicts), _verdict(findings, policy)),
            ("least_power", policy.least_power > 0, _power(findings, policy)),
            ("hold_out_by_patient", policy.hold_out_by_patient, _hold_out(findings)),
            ("text_resolved", policy.text_resolved, _text(findings)),
            ("evaluated", policy.evaluated, _evaluated(findings)),
            ("marks", bool(policy.marks), _marks(findings, policy)),
            (
                "signed",
                policy.signed,
                (signed, "Signed." if signed else "No key is named; give --credentials."),
            ),
        )
        if asked
    ]


def _up_to_date(findings: Findings) -> tuple[bool, str]:
    drawn = {"prepare", "train", "generate"} & findings.results.keys()
    late = [
        f"{each.stage} is {each.state}" + (f" ({each.why})" if each.why else "")
        for each in standings(findings.config, findings.run)
        if each.stage in drawn and each.state != "done"
    ]
    record = findings.records["generate"]
    if findings.run.outputs("generate") != record.outputs:
        late.append("files of generate were changed after it wrote them")
    if late:
        return False, f"{'; '.join(late)}: run `gist run {findings.run.path}`."
    return True, "All stages that the images come from are up to date."


def _enough(findings: Findings, policy: Policy) -> tuple[bool, str]:
    images = _of(findings, GenerateResult).images
    said = numerals.counted(images, "image")
    return images >= policy.least_images, f"{said}; {numerals.count(policy.least_images)} are asked for."


def _licence(licence: str | None) -> tuple[bool, str]:
    if licence:
        return True, f"{licence}."
    return False, "None is set; give --licence NAME, as in --licence CC-BY-4.0."


def _audited(findings: Findings) -> tuple[bool, str]:
    found, images = findings.of(PrivacyResult), _of(findings, GenerateResult).images
    again = f"run `{findings.run.command('privacy')}`"
    if found is None:
        return False, f"Nobody has looked for copies; {again}."
    if not findings.is_current("privacy"):
        return False, f"The audit is of another set of images; {again} again."
    if found.synthetic_images < images:
        return False, (
            f"The audit looked at {found.synthetic_images:,} of {images:,} images; {again} "
            f"--max-images {images}."
        )
    return True, f"All {numerals.counted(images, 'image')} were audited."


def _verdict(findings: Findings, policy: Policy) -> tuple[bool, str]:
    found = findings.of(PrivacyResult)
    if found is None:
        return False, "There is no audit."
    return found.verdict in policy.verdicts, f"The audit says: {found.verdict}. {found.meaning}"


def _power(findings: Findings, policy: Policy) -> tuple[bool, str]:
    found = findings.of(PrivacyResult)
    told = {} if found is None else {kind: found.power_of(kind, SHARE) for kind in policy.power_for}
    power = {kind: each.power for kind, each in told.items() if each is not None}
    missing = [kind for kind in policy.power_for if kind not in power]
    if missing:
        return False, f"It was not measured for copies of these kinds: {', '.join(missing)}."
    weak = [f"{kind} {value:.2f}" for kind, value in power.items() if value < policy.least_power]
    if weak:
        return False, (
            f"Copies, one in a hundred images, would be found too seldom ({', '.join(weak)}; asked for "
            f"{policy.least_power:g}); hold out and audit more images."
        )
    return True, f"At least {min(power.values(), default=1):.2f} for copies, one in a hundred images."


def _hold_out(findings: Findings) -> tuple[bool, str]:
    prepared, training, held_out = findings.of(PrepareResult), findings.training, findings.held_out
    if prepared is None or training is None or held_out is None:
        return False, "No real images are held out; prepare with a prepare.test_fraction."
    table = findings.run.path / TABLE
    try:
        learned, apart = (
            set(read_patients(table, data, part)) for data, part in ((training, "train"), (held_out, "test"))
        )
    except InputError as error:
        return False, str(error)
    unknown = [name for name in learned | apart if name.startswith(NO_PATIENT)]
    if unknown:
        return False, (
            f"Of {numerals.counted(len(unknown), 'image')} the patient is not known; prepare with "
            "prepare.patient_column or prepare.patient_pattern."
        )
    if both := learned & apart:
        return False, f"{numerals.counted(len(both), 'patient')} on both sides; prepare again."
    return True, f"{numerals.counted(len(learned), 'patient')} to learn from, {len(apart):,} others held out."


def _text(findings: Findings) -> tuple[bool, str]:
    prepared, flags = findings.of(PrepareResult), findings.text
    if prepared is None or (prepared.text_search == "none"):
        return (
            False,
            "Text in the pixels was not looked for; prepare with burned_in_text flag, mask or reject.",
        )
    if not _table_is_read(findings):
        return False, f"{TABLE} cannot be read; prepare again."
    if flags.training:
        return False, (
            f"{numerals.counted(len(flags.training), 'training image')} may show text, which a generator can repeat; "
            "prepare with burned_in_text=mask or reject."
        )
    return True, f"No training image shows text, as far as a search for {prepared.text_search} tells."


def _table_is_read(findings: Findings) -> bool:
    try:
        with (findings.run.path / TABLE).open(newline="", encoding="utf-8") as file:
            return {"split", "text", "remarks"} <= set(csv.DictReader(file).fieldnames or ())
    except (OSError, UnicodeDecodeError):
        return False


def _evaluated(findings: Findings) -> tuple[bool, str]:
    again = f"run `{findings.run.command('evaluate')}`"
    if findings.of(EvaluateResult) is None:
        return False, f"The images were not held against real ones; {again}."
    if not findings.is_current("evaluate"):
        return False, f"The evaluation is of another set of images; {again} again."
    return True, "This set was held against held-out real images."


def _marks(findings: Findings, policy: Policy) -> tuple[bool, str]:
    marks = _of(findings, GenerateResult).marks or {}
    missing = list(_missing(marks, policy))
    if missing:
        return False, f"Not every image carries {', '.join(missing)}; generate again with it."
    return True, f"{', '.join(policy.marks)}: on every image."


def _missing(marks: dict[str, bool], policy: Policy) -> Iterator[str]:
    return (mark for mark in policy.marks if not marks.get(mark))


def _of(findings: Findings, kind: type[GenerateResult]) -> GenerateResult:
    found = findings.of(kind)
    assert found is not None  # asked for before any rule
    return found
