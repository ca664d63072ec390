"""Model card and data card: the plain facts of a run as Markdown, to pass on with the network and the images.

Headings follow the cards of the Hugging Face Hub (Mitchell 2019, Model Cards for Model Reporting; Gebru 2021,
Datasheets for Datasets).
"""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, StrictUndefined

import gist
from gist.config import Config
from gist.reporting import numerals, provenance, wording
from gist.reporting.copying import CopyingVerdict
from gist.reporting.findings import Findings
from gist.results import Score

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
        count=numerals.count, duration=numerals.duration, percent=numerals.percent, cell=_cell
    )
    evaluate = findings.evaluate
    facts = {
        "title": config.report.title or config.name,
        "licence": config.report.licence,
        "version": gist.__version__,
        "found": findings,
        "wording": wording,
        "architecture": wording.architecture(findings.train) if findings.train is not None else "StyleGAN",
        "scores": [_row(score) for score in evaluate.scores] if evaluate is not None else [],
        "artifacts": evaluate.artifacts if evaluate is not None else None,
        "copying": copying,
        "limits": wording.LIMITS_OF_SCORES,
        "citations": provenance.citations(findings),
        "banner": wording.BANNER,
    }
    here = files("gist.reporting")
    return {
        name: environment.from_string((here / f"{name}.j2").read_text(encoding="utf-8")).render(facts)
        for name in names(findings)
    }


def _row(score: Score) -> tuple[str, ...]:
    """Score, group, value, interval, real against real, n and reading as table cells."""
    decimals = numerals.decimals_for(score.value or 0.0, score.low, score.high)
    value = "–" if score.value is None else numerals.fixed(score.value, decimals)
    interval = (
        "–"
        if score.low is None or score.high is None
        else f"{numerals.fixed(score.low, decimals)} to {numerals.fixed(score.high, decimals)}"
    )
    baseline = "–" if score.baseline is None else numerals.fixed(score.baseline, decimals)
    counts = f"{numerals.count(score.n_real)} / {numerals.count(score.n_synthetic)}"
    group = "all" if score.group == wording.OVERALL else _cell(score.group)
    return (
        f"{score.name} ({wording.DIRECTIONS[score.better]})",
        group,
        value,
        interval,
        baseline,
        counts,
        wording.reading(score),
    )


def _cell(text: str) -> str:
    """Text that may stand in a cell of a Markdown table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
