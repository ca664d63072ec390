"""A run held against a policy."""

from __future__ import annotations

from pydantic import Field

from gist import numerals
from gist.errors import InputError
from gist.releasing.policy import Policy
from gist.runs.findings import Findings
from gist.runs.patients import NO_PATIENT, read_patients
from gist.runs.results import read_what_is_there
from gist.runs.standing import standings
from gist.runs.text_flags import TABLE
from gist.stages.evaluate import EvaluateResult
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.privacy import PrivacyResult
from gist.stages.promise import Result

SHARE = 0.01
"""Of planted copies among the images, at which the audit's power is asked for."""
MOST_ALARMS = 0.05
"""Share of the repeats of a control, from which on the audit itself is at fault."""


class Rule(Result):
    """One rule of the policy, and whether the run keeps it."""

    name: str
    holds: bool
    said: str
    """What was found."""
    remedy: str = Field(default="", exclude=True)
    """What to do where it does not hold; as it may name paths, it is shown and never kept."""

    @property
    def broken(self) -> str:
        """What is wrong and what to do, in a line."""
        return (
            f"{self.name}: {self.said[:-1]}; {self.remedy}." if self.remedy else f"{self.name}: {self.said}"
        )


_Found = tuple[bool, str] | tuple[bool, str, str]
"""Whether a rule holds, what was found, and what to do."""


def held_against(findings: Findings, policy: Policy, licence: str | None, signed: bool) -> list[Rule]:
    """Every rule that the policy asks for."""
    found: dict[str, tuple[bool, _Found]] = {
        "up to date": (True, _up_to_date(findings)),
        "least_images": (True, _enough(findings, policy)),
        "licence": (policy.licence, _licence(licence)),
        "audited": (policy.audited, _audited(findings)),
        "verdicts": (bool(policy.verdicts), _verdict(findings, policy)),
        "least_power": (policy.least_power > 0, _power(findings, policy)),
        "hold_out_by_patient": (policy.hold_out_by_patient, _hold_out(findings)),
        "text_resolved": (policy.text_resolved, _text(findings)),
        "evaluated": (policy.evaluated, _evaluated(findings)),
        "marks": (bool(policy.marks), _marks(findings, policy)),
        "signed": (
            policy.signed,
            (True, "By a key.") if signed else (False, "By no key.", "give --credentials"),
        ),
    }
    return [
        Rule(name=name, holds=holds, said=said, remedy=remedy[0] if remedy else "")
        for name, (asked, (holds, said, *remedy)) in found.items()
        if asked
    ]


def _up_to_date(findings: Findings) -> _Found:
    drawn = {"prepare", "train", "generate"} & findings.results.keys()
    late = [
        f"{each.stage} is {each.state}"
        for each in standings(findings.config, findings.run)
        if each.stage in drawn and each.state != "done"
    ]
    if findings.run.outputs("generate") != findings.records["generate"].outputs:
        late.append("files of generate were changed after it wrote them")
    if late:
        return (
            False,
            f"{'; '.join(late).capitalize()}.",
            f"see `gist status {findings.run.path}`, and run it again",
        )
    return True, "All stages that the images come from are up to date."


def _enough(findings: Findings, policy: Policy) -> _Found:
    images = _drawn(findings).images
    asked = f"{numerals.counted(images, 'image')} of {numerals.count(policy.least_images)} asked for."
    return images >= policy.least_images, asked


def _licence(licence: str | None) -> _Found:
    if licence:
        return True, f"{licence}."
    return False, "None is set.", "give --licence NAME, as in --licence CC-BY-4.0"


def _audited(findings: Findings) -> _Found:
    found, images = findings.of(PrivacyResult), _drawn(findings).images
    audit = findings.run.command("privacy")
    if found is None:
        return False, "Nobody has looked for copies.", f"run `{audit}`"
    if not read_what_is_there(findings.run, "privacy"):
        return False, "The audit is of another set of images.", f"run `{audit}` again"
    if found.synthetic_images < images:
        said = f"The audit looked at {found.synthetic_images:,} of {images:,} images."
        return False, said, f"run `{audit} --max-images {images}`"
    return True, f"All {numerals.counted(images, 'image')} were audited."


def _verdict(findings: Findings, policy: Policy) -> _Found:
    found = findings.of(PrivacyResult)
    if found is None:
        return False, "There is no audit."
    for control in found.controls:
        if control.alarms > MOST_ALARMS * control.repeats:
            return False, (
                f"The audit cannot be trusted: its control “{control.name}” gave {control.alarms} alarms in "
                f"{control.repeats} repeats where nobody copied."
            )
    if found.identical_hold_out:
        same = numerals.counted(found.identical_hold_out, "hold-out image")
        return False, f"The audit cannot be trusted: {same} equal training images, which hides copying."
    return found.verdict in policy.verdicts, f"The audit says: {found.verdict}. {found.meaning}"


def _power(findings: Findings, policy: Policy) -> _Found:
    found = findings.of(PrivacyResult)
    told = {} if found is None else {kind: found.power_of(kind, SHARE) for kind in policy.power_for}
    power = {kind: each.power for kind, each in told.items() if each is not None}
    missing = [kind for kind in policy.power_for if kind not in power]
    if missing:
        return False, f"It was not measured for copies of these kinds: {', '.join(missing)}."
    weak = [f"{kind} {value:.2f}" for kind, value in power.items() if value < policy.least_power]
    if weak:
        said = (
            f"Copies, one in a hundred images, would be found with a probability of {', '.join(weak)}, and "
            f"{policy.least_power:g} is asked for."
        )
        return False, said, "hold out and generate more images, and audit these"
    return True, f"At least {min(power.values(), default=1):.2f} for copies, one in a hundred images."


def _hold_out(findings: Findings) -> _Found:
    prepared, training, held_out = findings.of(PrepareResult), findings.training, findings.held_out
    if prepared is None or training is None or held_out is None:
        return False, "No real images are held out.", "prepare with a prepare.test_fraction"
    table = findings.run.path / TABLE
    try:
        learned, apart = (
            set(read_patients(table, data, part)) for data, part in ((training, "train"), (held_out, "test"))
        )
    except InputError as error:
        return False, str(error)
    unknown = [name for name in learned | apart if name.startswith(NO_PATIENT)]
    if unknown:
        said = f"Of {numerals.counted(len(unknown), 'image')} the patient is not known."
        return False, said, "prepare with prepare.patient_column or prepare.patient_pattern"
    if both := learned & apart:
        return False, f"{numerals.counted(len(both), 'patient')} on both sides.", "prepare again"
    return True, f"{numerals.counted(len(learned), 'patient')} to learn from, {len(apart):,} others held out."


def _text(findings: Findings) -> _Found:
    prepared, flags = findings.of(PrepareResult), findings.text
    if prepared is None or prepared.text_search == "none":
        said = "Text in the pixels was not looked for."
        return False, said, "prepare with prepare.burned_in_text flag, mask or reject"
    if flags.training:
        said = f"{numerals.counted(len(flags.training), 'training image')} may show text, which a generator can repeat."
        return False, said, "prepare with prepare.burned_in_text mask or reject"
    if flags.sentence and not flags.held_out:  # the table of flags cannot be read
        return False, f"{TABLE} cannot be read.", "prepare again"
    return True, f"No training image shows text, as far as a search for {prepared.text_search} tells."


def _evaluated(findings: Findings) -> _Found:
    again = f"run `{findings.run.command('evaluate')}`"
    if findings.of(EvaluateResult) is None:
        return False, "The images were not held against real ones.", again
    if not findings.is_current("evaluate"):
        return False, "The evaluation is of another set of images.", again
    return True, "This set was held against held-out real images."


def _marks(findings: Findings, policy: Policy) -> _Found:
    marks = _drawn(findings).marks or {}
    missing = [mark for mark in policy.marks if not marks.get(mark)]
    if missing:
        return False, f"Not every image carries {', '.join(missing)}.", "generate again with it"
    return True, f"{', '.join(policy.marks).capitalize()}: on every image."


def _drawn(findings: Findings) -> GenerateResult:
    found = findings.of(GenerateResult)
    assert found is not None  # asked for before any rule
    return found
