"""The report's last section: settings with their reasons, software, times, hashes, and what to cite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from gist import numerals
from gist.config import STAGES
from gist.pages.html import html
from gist.pages.section import Section, StagePage
from gist.reporting.parts import citations
from gist.runs.findings import Findings, without_paths
from gist.stages.promise import StageName, private

OWN_FOLDERS = frozenset({"folder", "run_folder"})
"""Names under which settings and results may hold folders of the user."""


@dataclass(frozen=True)
class StageTimes:
    """When a stage ran."""

    stage: str
    finished: str
    seconds: str
    files: int
    digest: str


def provenance_section(
    findings: Findings, pages: Mapping[StageName, StagePage], cards: Sequence[str]
) -> Section:
    """Where everything came from; `cards` are files beside the page."""
    said = list(pages.values())
    body = html(
        "gist.reporting/provenance.html.j2",
        settings_in_use=Markup("\n").join(page.settings for page in said if page.settings),
        paragraphs=Markup("\n").join(page.provenance for page in reversed(said) if page.provenance),
        cards=cards,
        stage_times=_stage_times(findings),
        surroundings=_rows(
            {
                key: value
                for key, value in findings.manifest.items()
                if key not in ("stages", "sets", "written")
            }
        ),
        stage_settings=[
            (stage, fit_to_pass_on(stage, {**record.settings, **record.continued_settings}))
            for stage, record in findings.records.items()
        ],
        citations=citations(pages),
        phantoms=findings.phantoms,
        kind=findings.kind,
    )
    return Section("provenance", "Settings and provenance", body)


def fit_to_pass_on(stage: StageName, value: Any) -> Any:
    """Settings or the result of a stage without the folders that the user named, which may hold a patient's name."""
    return without_paths(value, private(STAGES[stage].settings).keys() | OWN_FOLDERS)


def _stage_times(findings: Findings) -> list[StageTimes]:
    return [
        StageTimes(
            stage,
            (record.finished or record.started).replace("T", " ").split(".")[0].split("+")[0],
            "" if record.seconds is None else numerals.duration(record.seconds),
            len(record.outputs),
            record.digest,
        )
        for stage, record in findings.records.items()
    ]


def _rows(tree: Mapping[str, Any], parent: str = "") -> list[tuple[str, Any]]:
    """What the manifest says of software, machine and seeds, as rows."""
    rows: list[tuple[str, Any]] = []
    for key, value in tree.items():
        name = f"{parent} {key}".strip().replace("_", " ")
        if isinstance(value, dict):
            rows.extend(_rows(value, name))
        elif value not in (None, "", []):
            rows.append((name, value))
    return rows
