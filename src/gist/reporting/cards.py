"""Model card and data card: the plain facts of a run as Markdown, to pass on with the network and the images.

Headings follow the cards of the Hugging Face Hub (Mitchell 2019, Model Cards for Model Reporting; Gebru 2021,
Datasheets for Datasets).
"""

from __future__ import annotations

from collections.abc import Mapping

from gist.evaluation.copying import copying_verdict
from gist.evaluation.page import LIMITS_OF_SCORES
from gist.evaluation.score_table import score_table
from gist.generation.page import last_seed, network_name
from gist.pages.html import markdown
from gist.pages.section import StagePage
from gist.reporting.parts import citations, out_of_date
from gist.runs.findings import Findings
from gist.stages.evaluate import EvaluateResult
from gist.stages.generate import GenerateResult
from gist.stages.prepare import PrepareResult
from gist.stages.privacy import PrivacyResult
from gist.stages.promise import StageName
from gist.stages.train import TrainResult
from gist.training.page import generator_family, generator_title, started_from

MODEL_CARD, DATA_CARD = "model_card.md", "data_card.md"
LICENCE_MISSING = "To be filled in (setting report.licence)"


def names(findings: Findings) -> tuple[str, ...]:
    """The cards that there is something to say for: of a trained network, and of drawn images."""
    generated = findings.of(GenerateResult)
    drawn = generated is not None
    model = (generated is not None and not generated.made_elsewhere) or findings.of(TrainResult) is not None
    return (MODEL_CARD,) * model + (DATA_CARD,) * drawn


def written(
    findings: Findings, pages: Mapping[StageName, StagePage], *, packaged: bool = False
) -> dict[str, str]:
    """File name -> Markdown of each card of a run; `packaged`, to lie beside what is passed on, out of the run."""
    report = findings.config.report
    trained, generated = findings.of(TrainResult), findings.of(GenerateResult)
    evaluated = findings.of(EvaluateResult)
    facts = {
        "title": findings.title,
        "packaged": packaged,
        "licence": report.licence,
        "licence_missing": LICENCE_MISSING
        + ("." if findings.phantoms else f": it must agree with the terms of the real {findings.kind}s."),
        "warnings": out_of_date(findings),
        "phantoms": findings.phantoms,
        "kind": findings.kind,
        "prepare": findings.of(PrepareResult),
        "train": trained,
        "start": None if trained is None else started_from(findings),
        "generate": generated,
        "architecture": "" if trained is None else generator_title(trained),
        "family": None if trained is None else generator_family(trained),
        "network": "" if generated is None else network_name(generated),
        "last_seed": None if generated is None else last_seed(generated),
        "scores": score_table(() if evaluated is None else evaluated.scores),
        "artifacts": None if evaluated is None else evaluated.artifacts,
        "copying": copying_verdict(evaluated),
        "audit": findings.of(PrivacyResult) if findings.is_current("privacy") else None,
        "limits": LIMITS_OF_SCORES,
        "citations": citations(pages),
    }
    return {name: markdown(f"gist.reporting/{name}.j2", **facts) for name in names(findings)}
