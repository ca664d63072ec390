"""Model card and data card: the plain facts of a run as Markdown, to pass on with the network and the images.

Headings follow the cards of the Hugging Face Hub (Mitchell 2019, Model Cards for Model Reporting; Gebru 2021,
Datasheets for Datasets).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from gist import numerals
from gist.config import Config
from gist.evaluation.copying import CopyingVerdict
from gist.evaluation.score_table import score_table
from gist.pages import words
from gist.reporting import provenance, wording
from gist.runs.findings import Findings
from gist.stages.evaluate import Score
from gist.version import __version__

MODEL_CARD, DATA_CARD = "model_card.md", "data_card.md"


def names(findings: Findings) -> tuple[str, ...]:
    """The cards that there is something to say for: of a trained network, and of drawn images."""
    model = findings.train is not None or findings.generate is not None
    return (MODEL_CARD,) * model + (DATA_CARD,) * (findings.generate is not None)


def written(config: Config, findings: Findings, copying: CopyingVerdict | None) -> dict[str, str]:
    """File name -> Markdown of each card of a run."""
    environment = Environment(
        autoescape=False, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        count=numerals.count,
        counted=numerals.counted,
        duration=numerals.duration,
        percent=numerals.percent,
        cell=_cell,
    )
    evaluate = findings.evaluate
    facts = {
        "title": config.report.title or config.name,
        "licence": config.report.licence,
        "version": __version__,
        "found": findings,
        "wording": wording,
        "words": words,
        "architecture": wording.architecture(findings.train) if findings.train is not None else "StyleGAN",
        "scores": _rows(evaluate.scores) if evaluate is not None else [],
        "artifacts": evaluate.artifacts if evaluate is not None else None,
        "copying": copying,
        "limits": wording.LIMITS_OF_SCORES,
        "citations": provenance.citations(findings),
        "banner": words.BANNER,
    }
    here = files("gist.reporting")
    return {
        name: environment.from_string((here / f"{name}.j2").read_text(encoding="utf-8")).render(facts)
        for name in names(findings)
    }


def _rows(scores: Sequence[Score]) -> list[tuple[str, ...]]:
    """Score, group, value, interval, real against real, n and reading as table cells."""
    return [
        (
            f"{row.name} ({row.direction})" if row.direction else row.name,
            "all" if group == words.OVERALL else _cell(group),
            row.value or "–",
            row.interval or "–",
            row.baseline or "–",
            f"{numerals.count(row.score.n_real)} / {numerals.count(row.score.n_synthetic)}",
            row.verdict,
        )
        for group, rows in score_table(scores).groups
        for row in rows
    ]


def _cell(text: str) -> str:
    """Text that may stand in a cell of a Markdown table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
