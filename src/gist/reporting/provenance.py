"""Settings with their reasons, software, times, hashes, and what to cite."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from gist import numerals
from gist.runs.findings import Findings, without_paths

CITATIONS = (
    (
        "stylegan3",
        "Karras T, Aittala M, Laine S, et al. Alias-Free Generative Adversarial Networks. NeurIPS 2021.",
        "10.48550/arXiv.2106.12423",
    ),
    (
        "stylegan",
        "Karras T, Laine S, Aittala M, et al. Analyzing and Improving the Image Quality of StyleGAN. "
        "CVPR 2020.",
        "10.48550/arXiv.1912.04958",
    ),
    (
        "stylegan",
        "Karras T, Aittala M, Hellsten J, et al. Training Generative Adversarial Networks with Limited Data. "
        "NeurIPS 2020.",
        "10.48550/arXiv.2006.06676",
    ),
    (
        "KID",
        "Bińkowski M, Sutherland DJ, Arbel M, Gretton A. Demystifying MMD GANs. ICLR 2018.",
        "10.48550/arXiv.1801.01401",
    ),
    (
        "F",
        "Heusel M, Ramsauer H, Unterthiner T, et al. GANs Trained by a Two Time-Scale Update Rule Converge "
        "to a Local Nash Equilibrium. NeurIPS 2017. (Fréchet distance)",
        "10.48550/arXiv.1706.08500",
    ),
    (
        "Precision",
        "Kynkäänniemi T, Karras T, Laine S, et al. Improved Precision and Recall Metric for Assessing "
        "Generative Models. NeurIPS 2019.",
        "10.48550/arXiv.1904.06991",
    ),
    (
        "Density",
        "Naeem MF, Oh SJ, Uh Y, et al. Reliable Fidelity and Diversity Metrics for Generative Models. "
        "ICML 2020.",
        "10.48550/arXiv.2002.09797",
    ),
)
ALSO = {"Precision": "Recall", "Density": "Coverage"}


@dataclass(frozen=True)
class Setting:
    """One row of the plan."""

    name: str
    value: str
    reason: str
    """Empty where the setting was given, not chosen."""


@dataclass(frozen=True)
class StageTimes:
    """When a stage ran."""

    stage: str
    finished: str
    seconds: str
    files: int
    digest: str


@dataclass(frozen=True)
class Citation:
    """A paper and its DOI."""

    text: str
    doi: str


def plan(findings: Findings) -> list[Setting]:
    """Training settings in use; those with a reason, which `auto` chose, come first."""
    if findings.train is None:
        return []
    settings, reasons = without_paths(findings.train.settings), findings.train.reasons
    rows = [Setting(name, _as_text(value), reasons.get(name, "")) for name, value in settings.items()]
    return sorted(rows, key=lambda row: not row.reason)


def stage_settings(findings: Findings) -> list[tuple[str, list[Setting]]]:
    """Settings that each finished stage was run with; the user's own folders are left out."""
    return [
        (
            stage,
            [
                Setting(name, _as_text(value), "")
                for name, value in without_paths({**record.settings, **record.continued_settings}).items()
            ],
        )
        for stage, record in findings.records.items()
    ]


def stage_times(findings: Findings) -> list[StageTimes]:
    """A row per finished stage."""
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


def surroundings(findings: Findings) -> list[tuple[str, str]]:
    """What the manifest says of software, machine and seeds, as rows, without what the records hold."""
    return _rows({key: value for key, value in findings.manifest.items() if key not in ("stages", "written")})


def citations(findings: Findings) -> list[Citation]:
    """Papers behind the methods that this run used."""
    used = [score.name for score in findings.evaluate.scores] if findings.evaluate is not None else []
    if findings.train is not None:
        used.append(str(findings.train.settings.get("architecture", "stylegan")))
    return [
        Citation(text, doi) for method, text, doi in CITATIONS if any(_uses(name, method) for name in used)
    ]


def _uses(name: str, method: str) -> bool:
    if method == "F":
        return name.startswith(("FD", "FID", "Fréchet", "Frechet", "Relative"))
    return name.lower().startswith(method.lower()) or name.startswith(ALSO.get(method, "?"))


def _rows(tree: dict[str, Any], parent: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{parent} {key}".strip().replace("_", " ")
        if isinstance(value, dict):
            rows.extend(_rows(value, name))
        elif value not in (None, "", []):
            rows.append((name, _as_text(value)))
    return rows


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
