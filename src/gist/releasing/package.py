"""A package: what of a run may be passed on, with everything that tells what it is."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from gist.errors import InputError
from gist.files import sha256_of, write_atomic, write_json
from gist.generation.network import find_network
from gist.releasing.checklist import checklist, checklist_card
from gist.releasing.policy import Policy
from gist.releasing.rules import Rule, held_against
from gist.releasing.scorecard import scorecard, scorecard_page
from gist.releasing.traces import Sought, sought_of
from gist.reporting import cards
from gist.reporting.parts import asked
from gist.runs.findings import Findings
from gist.stages.generate import GenerateResult
from gist.stages.privacy import PrivacyResult
from gist.stages.promise import Result
from gist.version import __version__

Contents = Literal["images", "network"]
RELEASE, NETWORK, IMAGES = "release.json", "network.safetensors", "images"
CARDS = (cards.MODEL_CARD, cards.DATA_CARD)
TEXTS = (RELEASE, "LICENCE.txt", "scorecard.json", "scorecard.html", "checklist.md", "audit.json", *CARDS)
TABLES = ("labels.csv", "fingerprints.csv")


class Release(Result):
    """`release.json`: what was held against which rules, and what was looked for."""

    format: int = 1
    gist_version: str = __version__
    title: str
    contents: Contents
    images: int
    """In the package."""
    network_sha256: str
    marks: dict[str, bool]
    licence: str | None
    rules: tuple[Rule, ...]
    override: str | None = None
    """Why it was released although rules do not hold."""
    signed: bool = False
    looked_for: dict[str, int]


class Refused(InputError):
    """What may not be passed on; `reasons` are those that its sentence lists."""

    def __init__(self, what: str, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        listed = "".join(f"\n  {number}. {reason}" for number, reason in enumerate(reasons, start=1))
        super().__init__(f"{what}{listed}")


def build_package(
    findings: Findings,
    policy: Policy,
    folder: Path,
    *,
    contents: Contents,
    licence: str | None,
    override: str | None,
    signed: bool,
) -> tuple[Release, Sought]:
    """Writes everything but the checksums into a folder, where the policy allows it.

    Returns:
        What `release.json` says, and what the search of the package must look for.

    Raises:
        Refused: rules do not hold, and nobody overrides them.
        InputError: there is nothing to pass on, or files of the run are damaged.
    """
    generated = findings.of(GenerateResult)
    if generated is None:
        raise InputError(
            f"{findings.run.path} holds no finished synthetic images; run `{findings.run.command('generate')}` first."
        )
    licence = licence or findings.config.report.licence
    rules = held_against(findings, policy, licence, signed)
    broken = [rule.broken for rule in rules if not rule.holds]
    if broken and not override:
        raise Refused(
            f"Nothing was written, as {len(broken)} of {len(rules)} rules do not hold; mend this, or take it upon "
            "yourself with --override REASON:",
            broken,
        )
    network = _network(findings, generated) if contents == "network" else None
    sought = sought_of(findings.run, policy.forbidden, network)
    release = Release(
        title=findings.title,
        contents=contents,
        images=generated.images if contents == "images" else 0,
        network_sha256=generated.network_sha256,
        marks=generated.marks or {},
        licence=licence,
        rules=tuple(rules),
        override=override if broken else None,
        signed=signed,
        looked_for=sought.counted,
    )
    if network is None:
        _write_images(findings, generated, folder)
    else:
        shutil.copyfile(network, folder / NETWORK)
    _write_papers(findings, release, folder)
    return release, sought


def _network(findings: Findings, generated: GenerateResult) -> Path:
    if generated.made_elsewhere:
        raise InputError(
            f"Another program made the synthetic images of {findings.run.path}, so there is no network to pass on."
        )
    network = find_network(findings.config.generate.network, findings.run)
    if sha256_of(network) != generated.network_sha256:
        raise InputError(
            "The network is another one than the images were drawn from; run "
            f"`{findings.run.command('generate')}` and the audit again."
        )
    return network


def _write_images(findings: Findings, generated: GenerateResult, folder: Path) -> None:
    """The images as they lie in the archive, which is what the audit looked at."""
    data, table = findings.synthetic, findings.run.path / generated.labels_table
    assert data is not None
    try:
        with table.open(newline="", encoding="utf-8") as file:
            names = [Path(row["file"]).name for row in csv.DictReader(file)]
        (folder / IMAGES).mkdir()
        for name, png in zip(names, data.pngs, strict=True):
            (folder / IMAGES / name).write_bytes(png)
        for name in TABLES:
            if (table.parent / name).is_file():
                shutil.copyfile(table.parent / name, folder / name)
    except (OSError, KeyError, ValueError):
        raise InputError(
            f"The tables in {table.parent} do not fit the images; run `{findings.run.command('generate')}` again."
        ) from None


def _write_papers(findings: Findings, release: Release, folder: Path) -> None:
    report = findings.config.report.model_copy(update={"licence": release.licence})
    stated = replace(findings, config=findings.config.model_copy(update={"report": report}))
    for name, text in cards.written(stated, asked(stated), packaged=True).items():
        write_atomic(folder / name, text.encode())
    items = checklist(findings, release.licence)
    card = scorecard(findings, release.rules, items, release.licence, release.override)
    write_atomic(folder / "checklist.md", checklist_card(items, findings.title).encode())
    write_json(folder / "scorecard.json", card.model_dump(mode="json"))
    write_atomic(folder / "scorecard.html", scorecard_page(card).encode())
    audited = findings.of(PrivacyResult)
    if audited is not None and findings.is_current("privacy"):
        write_json(folder / "audit.json", audited.model_dump(mode="json", exclude={"pairs"}))
    write_atomic(folder / "LICENCE.txt", f"{release.licence or 'Not set.'}\n".encode())
    write_json(folder / RELEASE, release.model_dump(mode="json"))
