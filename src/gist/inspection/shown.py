"""Which images of a run the report shows, and how large: sample sheets and nearest neighbours share its pixels."""

from __future__ import annotations

from gist.images.archive import DataSet
from gist.pages.pictures import shown_side
from gist.runs.findings import Findings
from gist.stages.evaluate import EvaluateResult, Neighbour


def shown_pairs(findings: Findings) -> tuple[Neighbour, ...]:
    """The evaluation's pairs whose real image may be shown.

    Empty where the evaluation is out of date: its pairs name images that no longer exist, or are others now.
    """
    evaluated = findings.of(EvaluateResult)
    if evaluated is None or not findings.is_current("evaluate"):
        return ()
    return tuple(pair for pair in evaluated.neighbours if pair.real not in findings.text.training)


def real_images(findings: Findings) -> DataSet | None:
    """Images that the generator never saw; where there are none, those that it learned from."""
    return findings.training if findings.held_out is None else findings.held_out


def sample_side(findings: Findings, real: DataSet) -> int:
    """Side in pixels of each image of the samples and the pairs."""
    samples = findings.config.report.samples_per_class * max(1, len(real.class_names))
    return shown_side(real.resolution, 2 * samples + 2 * len(shown_pairs(findings)))
